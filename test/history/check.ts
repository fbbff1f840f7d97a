/** Judges a history by all promises of DESIGN.md, section 9. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type History, ofKind } from './steps.js';
import { commands } from './validators/commands.js';
import { epochs } from './validators/epochs.js';
import { exactResume } from './validators/exact-resume.js';
import { idempotentPublish } from './validators/idempotent-publish.js';
import { noSilentGap } from './validators/no-silent-gap.js';
import { oneOwner } from './validators/one-owner.js';
import { presence } from './validators/presence.js';
import { totalOrder } from './validators/total-order.js';

/** Each promise, and the function that finds what broke it. */
export const validators = {
  'total order': totalOrder,
  'at least once, with exact resume': exactResume,
  'no silent gap': noSilentGap,
  'idempotent publish': idempotentPublish,
  'one owner': oneOwner,
  'commands end once': commands,
  'presence is true': presence,
  'epochs never run back': epochs,
} satisfies Record<string, (history: History) => string[]>;

export type Promised = keyof typeof validators;

/** The promises that the history broke, each with its first faults. */
export type Faults = Partial<Record<Promised, readonly string[]>>;

const MOST = 10;

export function faultsIn(history: History): Faults {
  const found = Object.entries(validators).map(
    ([promise, validator]) => [promise, validator(history).slice(0, MOST)] as const,
  );
  return Object.fromEntries(found.filter(([, faults]) => faults.length > 0));
}

/** Throws if the history broke a promise. The error names the seed, and a file with the history, for those who look for the cause. */
export function demandPromises(history: History, seed: number): void {
  const faults = Object.entries(faultsIn(history)).flatMap(([promise, found]) =>
    found.map((fault) => `${promise}: ${fault}`),
  );
  if (faults.length === 0) return;
  const file = saved(history, seed);
  throw new Error(
    `the run with the seed ${seed} broke its promises; ${file}\n${faults.join('\n')}`,
  );
}

/** Writes the history into a file, and returns its path. */
export function saved(history: History, seed: number): string {
  const file = join(tmpdir(), `kelpie-history-${seed}.jsonl`);
  // One string of a long history would be too large.
  const open = openSync(file, 'w');
  for (const step of history) writeSync(open, `${JSON.stringify(step)}\n`);
  closeSync(open);
  return file;
}

/** The load before the first fault. */
export interface LoadFloor {
  /** Acknowledged publishes a second. */
  readonly publishesPerSecond: number;
  readonly streams: number;
  readonly players: number;
}

/** Measures the load in the seconds before the first fault. */
export function loadOf(history: History, spanMs = 3000): LoadFloor {
  const faultMs = ofKind(history, 'fault')[0]?.atMs ?? history.at(-1)?.atMs ?? 0;
  const before = history.filter(({ atMs }) => atMs < faultMs);
  const recent = before.filter(({ atMs }) => atMs >= faultMs - spanMs);
  const stored = ofKind(recent, 'published').filter(({ outcome }) => outcome === 'stored');
  const closed = new Set(ofKind(before, 'closed').map(({ stream }) => stream));
  const open = ofKind(before, 'welcome').filter(({ stream }) => !closed.has(stream));
  const players = new Set<string>();
  for (const step of before) {
    if (step.kind === 'joins') players.add(step.player);
    if (step.kind === 'quits') players.delete(step.player);
  }
  return {
    publishesPerSecond: (stored.length / spanMs) * 1000,
    streams: open.length,
    players: players.size,
  };
}

/** Throws if the load before the first fault was below the floor: the run proves nothing then. */
export function demandLoad(history: History, floor: LoadFloor): LoadFloor {
  const load = loadOf(history);
  const key = below(load, floor);
  if (key === undefined) return load;
  throw new Error(`the run is void: ${key} was ${load[key]}, below the floor of ${floor[key]}`);
}

/** The first figure that is below the floor. */
export function below(load: LoadFloor, floor: LoadFloor): keyof LoadFloor | undefined {
  return (['publishesPerSecond', 'streams', 'players'] as const).find(
    (key) => load[key] < floor[key],
  );
}
