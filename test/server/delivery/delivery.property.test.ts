/**
 * The law of delivery, under publishes, cuts, replacements, subscriptions, late acknowledgements and trimming:
 * every subscriber gets exactly the filtered journal, in order, or a Gap that names exactly the lost entries.
 */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { NodeLeaveReason } from '../../../gen/ts/kelpie/v1/event.js';
import { Node, NodeChange, NodeRole } from '../../../gen/ts/kelpie/v1/node.js';
import { DeliveryLaw } from '../../support/model/delivery-law.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { historyOf, settled } from '../../support/journal/history.js';
import {
  type MortalCoordinator,
  openJournal,
  openMortal,
} from '../../support/model/coordinator.js';
import { Subscriber } from '../../support/model/subscriber.js';

const TOPICS = ['chat.global', 'chat.staff', 'shop.sold', 'party.1.moved', 'inbox.reader-0'];
const PATTERNS = ['>', 'chat.*', 'chat.global', 'party.>', 'shop.sold', 'nodes.*', 'nodes.bot-1'];
const READERS = 5;

const reader = fc.nat({ max: READERS - 1 });
const topic = fc.constantFrom(...TOPICS);
const topics = fc.uniqueArray(fc.constantFrom(...PATTERNS), { maxLength: 3 });

/** A step, and its relative frequency. */
function step<T>(weight: number, parts: { [K in keyof T]: fc.Arbitrary<T[K]> }) {
  return { weight, arbitrary: fc.record(parts) };
}
const kind = <K extends string>(one: K) => fc.constant(one);

const steps = fc.array(
  fc.oneof(
    step(5, {
      kind: kind('publish'),
      topic,
      count: fc.integer({ min: 1, max: 40 }),
      bytes: fc.constantFrom(1, 100, 30_000),
    }),
    step(2, { kind: kind('publishOwn'), reader, topic, count: fc.integer({ min: 1, max: 5 }) }),
    step(5, { kind: kind('read'), reader, messages: fc.integer({ min: 1, max: 6 }) }),
    step(2, { kind: kind('acknowledge'), reader, all: fc.boolean() }),
    step(3, {
      kind: kind('subscribe'),
      reader,
      add: topics,
      remove: topics,
      startAt: fc.constantFrom('LATEST' as const, 'SNAPSHOT' as const),
    }),
    step(1, { kind: kind('heartbeat'), reader }),
    step(1, { kind: kind('cut'), reader, lost: fc.nat({ max: 3 }), succeeded: fc.boolean() }),
    step(1, { kind: kind('replace'), reader }),
    step(2, { kind: kind('bot'), bot: fc.nat({ max: 2 }), label: fc.nat({ max: 9 }) }),
    step(1, { kind: kind('botLeaves'), bot: fc.nat({ max: 2 }) }),
  ),
  { minLength: 20, maxLength: 60 },
);
type Step = typeof steps extends fc.Arbitrary<(infer S)[]> ? S : never;

/** No prefix contains another. */
const own = fc.subarray([
  { prefix: 'chat', entries: 3 },
  { prefix: 'party.1', entries: 1 },
  { prefix: 'shop', bytes: 40_000 },
  { prefix: 'inbox.reader-0', entries: 2 },
]);

const settings = fc.record({
  entries: fc.integer({ min: 10, max: 60 }),
  own,
  tail: fc.integer({ min: 1, max: 60 }),
  turns: fc.constantFrom(0, 0, 1, 2),
  readers: fc.array(
    fc.record({
      topics,
      start: fc.constantFrom('EARLIEST' as const, 'LATEST' as const, 'SNAPSHOT' as const),
      windowEvents: fc.constantFrom(1, 10, 4096),
      excludeOwn: fc.boolean(),
    }),
    { minLength: READERS, maxLength: READERS },
  ),
});
type Settings = typeof settings extends fc.Arbitrary<infer S> ? S : never;

async function publish(
  town: MortalCoordinator,
  { topic, count, bytes }: Extract<Step, { kind: 'publish' }>,
) {
  const entries = Array.from({ length: count }, () => ({
    topic,
    source: '',
    // An Event whose topic is set and whose unknown field 100 pads it.
    event: Buffer.concat([
      Buffer.from([0x12, topic.length]),
      Buffer.from(topic),
      Buffer.from([0xa2, 0x06, ...varint(bytes)]),
      Buffer.alloc(bytes),
    ]),
  }));
  await town.network.commit({ entries });
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}

const BOT = { instanceId: randomBytes(16), role: NodeRole.SERVICE };

/** A node that joins, or changes if it exists. */
async function moveBot({ claims, nodeRows }: MortalCoordinator, name: string, label: number) {
  if (nodeRows.nodes.get(name)) {
    await claims.update(name, NodeChange.create({ labels: { at: String(label) } }));
  } else {
    await claims.claim(Node.create({ ...BOT, name }), 'bot', { alive: async () => false });
  }
}

async function removeBot({ claims, nodeRows }: MortalCoordinator, name: string) {
  const owner = nodeRows.owners.get(name);
  if (owner) await claims.leave(name, owner.sequence, NodeLeaveReason.STOPPED);
}

async function take(town: MortalCoordinator, one: Step, readers: Subscriber[]) {
  if (one.kind === 'publish') return publish(town, one);
  if (one.kind === 'bot') return moveBot(town, `bot-${one.bot}`, one.label);
  if (one.kind === 'botLeaves') return removeBot(town, `bot-${one.bot}`);
  const target = readers[one.reader];
  switch (one.kind) {
    case 'publishOwn':
      return target?.publish(one.topic, one.count);
    case 'read':
      return target?.read(one.messages, true);
    case 'acknowledge':
      return target?.acknowledge(one.all);
    case 'subscribe':
      return target?.update(one);
    case 'heartbeat':
      return target?.heartbeat();
    case 'cut':
      // Some messages are on their way when the connection breaks.
      await target?.read(one.lost, false);
      if (one.succeeded) return target?.succeed();
      await target?.cut();
      return target?.open();
    case 'replace':
      return target?.replace();
  }
}

/** Counts of the runs. With them the test notices that it tests nothing. */
const tally = new Map<string, number>();

async function run(plan: Step[], { entries, own, tail, turns, readers: kinds }: Settings) {
  const clock = new FakeClock();
  const journal = openJournal(clock, { entries, topics: own });
  const history = historyOf(journal);
  const town = await openMortal(journal, clock, {
    tail: { entries: tail, bytes: 2 ** 20 },
    // This test does not cover silence.
    times: { maxSilenceMs: 2 ** 30 },
    turns: () => turns,
  });
  const readers = kinds.map(
    (options, index) => new Subscriber(town.port, journal, { ...options, name: `reader-${index}` }),
  );
  for (const one of readers) await one.open();
  for (const one of plan) await take(town, one, readers);
  await settled(20);
  for (const one of readers) await one.finish();
  for (const one of readers) new DeliveryLaw(one, history).check();
  for (const item of readers.flatMap(({ seen }) => seen)) {
    const kind = item.kind === 'gap' && item.gap.topics.length > 0 ? 'gap of topics' : item.kind;
    tally.set(kind, (tally.get(kind) ?? 0) + 1);
  }
  expect(town.faults).to.be.empty;
  for (const one of readers) await one.cut();
  expect(town.subscriptions.size, 'no feed is left behind').to.equal(0);
  expect(town.patterns.taken, 'nor their patterns').to.equal(0);
  town.die();
  expect(clock.pending, 'no timer is left behind').to.equal(0);
}

describe('delivery', () => {
  it('is the journal filtered, in order, or an exact gap', async () => {
    await fc.assert(fc.asyncProperty(steps, settings, run), { numRuns: 400 });
    for (const kind of ['gap', 'gap of topics', 'updated', 'renewed', 'snapshot']) {
      // The rarest kind comes about 117 times, give or take 9.
      expect(tally.get(kind), `${kind} was tested`).to.be.above(50);
    }
  }).timeout(120_000);
});
