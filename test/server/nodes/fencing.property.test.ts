/**
 * The law of fencing: the stream that owned a node at a position of the journal wrote each entry of the node at
 * that position. Streams and processes take the name from each other while their frames are on the way. Events
 * that an older stream had sent without an answer are stored once.
 */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { Event } from '../../../gen/ts/kelpie/v1/event.js';
import { NodeChange } from '../../../gen/ts/kelpie/v1/node.js';
import { GoodbyeReason } from '../../../gen/ts/kelpie/v1/session_service.js';
import { Tables } from '../../../server/network/tables.js';
import { NodeRows } from '../../../server/nodes/rows.js';
import type { Entry } from '../../../server/journal/journal.js';
import { defaultTimes } from '../../../server/network/limits.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { settled } from '../../support/journal/history.js';
import {
  hello,
  LATEST,
  type MortalCoordinator,
  openJournal,
  openMortal,
  TestStream,
} from '../../support/model/coordinator.js';
import { messageDraft, textOfMessage } from '../../support/wire/messages.js';

const NAME = 'contested';

/** A process that wants the name, and numbers its events. */
class Claimant {
  readonly instance: Uint8Array = randomBytes(16);
  readonly streams: TestStream[] = [];
  #next = 1;
  readonly #port: MortalCoordinator['port'];

  constructor({ port }: MortalCoordinator) {
    this.#port = port;
  }

  open(): void {
    const stream = new TestStream(this.#port);
    stream.send({
      $case: 'hello',
      value: hello(NAME, { instanceId: this.instance, start: LATEST }),
    });
    this.streams.push(stream);
  }

  /** Publishes on any of its streams, also an old one, from any number that it has used, or from the next one. */
  publish(stream: number, back: number, count: number): void {
    const first = Math.max(1, this.#next - back);
    const numbers = Array.from({ length: count }, (_, index) => first + index);
    this.#next = Math.max(this.#next, first + count);
    const events = numbers.map((number) => messageDraft(`${hex(this.instance)} ${number}`));
    const value = { firstPublishSequence: first, events };
    this.#at(stream)?.send({ $case: 'publish', value });
  }

  change(stream: number, label: string): void {
    const labels = { by: hex(this.instance), label };
    const change = { ...NodeChange.create(), labels };
    this.#at(stream)?.send({ $case: 'updateOwnNode', value: { change } });
  }

  leave(stream: number): void {
    this.#at(stream)?.send({ $case: 'goodbye', value: { reason: GoodbyeReason.STOP } });
  }

  async read(stream: number): Promise<void> {
    await this.#at(stream)
      ?.pullIfReady(6)
      .catch(() => undefined);
  }

  async cut(): Promise<void> {
    for (const stream of this.streams) await stream.cut().catch(() => undefined);
  }

  #at(stream: number): TestStream | undefined {
    return this.streams[this.streams.length - 1 - (stream % 3)];
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Reads the journal, and follows the owner of the node at each position. */
function check(entries: readonly Entry[]): number {
  const stored = new Map<string, number>();
  const tables = new Tables();
  const rows = new NodeRows(tables);
  let written = 0;
  for (const { key, value, source, event, sequence } of entries) {
    if (key !== undefined) tables.fold({ key, value: value ?? null, sequence });
    const holder = rows.owners.get(NAME)?.value.instanceId;
    const owner = holder && hex(holder);
    const { body } = Event.decode(event);
    if (source !== NAME || body?.$case !== 'messagePublished') {
      const by = body?.$case === 'nodeUpdated' ? body.value.node?.labels['by'] : undefined;
      if (by !== undefined) expect(by, 'a change is its owner’s').to.equal(owner);
      continue;
    }
    const [instance = '', number = ''] = (textOfMessage(body.value) ?? '').split(' ');
    expect(instance, 'an event is its owner’s').to.equal(owner);
    const before = stored.get(instance);
    if (before !== undefined) expect(Number(number), 'once, without a hole').to.equal(before + 1);
    stored.set(instance, Number(number));
    written += 1;
  }
  return written;
}

const who = fc.nat({ max: 2 });
const stream = fc.nat({ max: 2 });
const kind = <K extends string>(one: K) => fc.constant(one);
const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: kind('open'), who }) },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: kind('publish'),
        who,
        stream,
        back: fc.nat({ max: 5 }),
        count: fc.integer({ min: 1, max: 5 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: kind('change'), who, stream, label: fc.string() }) },
    { weight: 1, arbitrary: fc.record({ kind: kind('leave'), who, stream }) },
    { weight: 3, arbitrary: fc.record({ kind: kind('read'), who, stream }) },
    { weight: 2, arbitrary: fc.record({ kind: kind('settle') }) },
    { weight: 1, arbitrary: fc.record({ kind: kind('wait') }) },
  ),
  { minLength: 10, maxLength: 60 },
);
type Step = typeof steps extends fc.Arbitrary<(infer S)[]> ? S : never;

async function take(clock: FakeClock, claimants: readonly Claimant[], step: Step): Promise<void> {
  if (step.kind === 'settle') return settled();
  // Longer than a probe, shorter than silence.
  if (step.kind === 'wait') clock.advance(defaultTimes.probeMs);
  const one = 'who' in step ? claimants[step.who] : undefined;
  if (step.kind === 'open') one?.open();
  if (step.kind === 'publish') one?.publish(step.stream, step.back, step.count);
  if (step.kind === 'change') one?.change(step.stream, step.label);
  if (step.kind === 'leave') one?.leave(step.stream);
  if (step.kind === 'read') await one?.read(step.stream);
}

describe('fencing', () => {
  it('lets only the owner of a node write about it, and stores nothing twice', async () => {
    let written = 0;
    let owners = 0;
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 0, max: 4 }), async (plan, turns) => {
        const clock = new FakeClock();
        const journal = openJournal(clock);
        // A new owner can overtake a slow write.
        const town = await openMortal(journal, clock, { turns: () => turns });
        const entries: Entry[] = [];
        journal.onAppend((some) => entries.push(...some));
        const claimants = Array.from({ length: 3 }, () => new Claimant(town));
        for (const step of plan) await take(clock, claimants, step);
        await settled(200);
        written += check(entries);
        owners += entries.filter(({ key }) => key === `sessions/${NAME}`).length;
        for (const one of claimants) await one.cut();
      }),
      { numRuns: 1500 },
    );
    expect(written, 'events were stored').to.be.above(500);
    expect(owners, 'the name changed hands').to.be.above(500);
  }).timeout(120_000);
});
