/** The faults that a property test inflicts on real clients and coordinators. */
import fc from 'fast-check';
import type { Cut, Direction } from './simulated-wire.js';

/** The epoch of the journal after a restart of all coordinators without their journal. */
export type Epoch = 'same' | 'lower' | 'higher';

/** A step, and its relative frequency. */
export function weighed<T>(weight: number, parts: { [K in keyof T]: fc.Arbitrary<T[K]> }) {
  return { weight, arbitrary: fc.record(parts) };
}

export const kind = <K extends string>(one: K) => fc.constant(one);

/** A fault of streams, time or coordinators. */
export type Fault =
  | { kind: 'deliver'; stream: number; direction: Direction; count: number }
  | { kind: 'flow' }
  | { kind: 'pass' | 'wait'; ms: number }
  | { kind: 'cut'; stream: number; noticed: Cut }
  | { kind: 'drain' | 'kill'; place: number }
  | { kind: 'restart'; epoch: Epoch };

/** Faults of a network with `places` places for coordinators. */
export function faults(places: number) {
  const stream = fc.nat({ max: 7 });
  const place = fc.nat({ max: places - 1 });
  return [
    weighed<Fault & { kind: 'deliver' }>(8, {
      kind: kind('deliver'),
      stream,
      direction: fc.constantFrom('up', 'down'),
      count: fc.integer({ min: 1, max: 3 }),
    }),
    weighed(6, { kind: kind('flow') }),
    weighed(3, { kind: kind('pass'), ms: fc.constantFrom(200, 1000, 3000, 16_000) }),
    weighed(3, { kind: kind('wait'), ms: fc.constantFrom(1000, 3000, 16_000) }),
    weighed<Fault & { kind: 'cut' }>(3, {
      kind: kind('cut'),
      stream,
      noticed: fc.constantFrom('both', 'client', 'server'),
    }),
    weighed<{ kind: 'drain'; place: number }>(4, { kind: kind('drain'), place }),
    weighed<{ kind: 'kill'; place: number }>(1, { kind: kind('kill'), place }),
    weighed<Fault & { kind: 'restart' }>(1, {
      kind: kind('restart'),
      epoch: fc.constantFrom('same', 'lower', 'higher'),
    }),
  ] as const;
}
