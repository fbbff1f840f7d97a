/**
 * The law of delivery: whatever is published, cut, acknowledged late or trimmed meanwhile, every
 * subscriber of a fixed filter sees exactly the journal, filtered, in order; or a Gap that names
 * exactly what it lost.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import type { Cursor } from '../../gen/ts/kelpie/v1/cursor.js';
import type { EventBatch, Gap } from '../../gen/ts/kelpie/v1/stream.js';
import { TopicFilter } from '../../server/core/topic-filter.js';
import type { Entry } from '../../server/journal/journal.js';
import {
  after,
  EARLIEST,
  hello,
  LATEST,
  openHub,
  type TestHub,
  TestStream,
} from '../support/hub.js';

const TOPICS = ['chat.global', 'chat.staff', 'shop.sold', 'party.1.moved', 'inbox.reader-0'];
const FILTERS = [['>'], ['chat.*'], ['chat.global', 'party.>'], ['shop.sold'], []];

/** What a reader has gone through, in order. */
type Seen = { kind: 'events'; batch: EventBatch } | { kind: 'gap'; gap: Gap };

/** A subscriber with a fixed filter, over as many streams as it takes. */
class Reader {
  readonly name: string;
  readonly filter: TopicFilter;
  readonly seen: Seen[] = [];
  readonly #town: TestHub;
  readonly #hello: ReturnType<typeof hello>;
  #stream: TestStream | undefined;
  position: Cursor | undefined;
  #unacknowledged: number[] = [];

  constructor(town: TestHub, index: number, topics: string[], fromStart: boolean, window: number) {
    this.#town = town;
    this.name = `reader-${index}`;
    this.filter = new TopicFilter(topics, { inbox: `inbox.${this.name}` });
    const start = fromStart ? EARLIEST : LATEST;
    this.#hello = hello(this.name, { topics, start, window: { events: window, bytes: 2 ** 20 } });
  }

  async connect(): Promise<void> {
    const start = this.position ? after(this.position) : this.#hello.start;
    this.#stream = new TestStream(this.#town.hub);
    this.#stream.send({ $case: 'hello', value: { ...this.#hello, start } });
    await this.#stream.next('welcome');
    // The position of the first stream: where nothing was missed yet.
    this.position ??=
      this.#hello.start === EARLIEST ? this.#town.journal.oldest : this.#town.journal.head;
  }

  /** Takes what is there now, up to `messages`; what is pulled but not kept is lost on the way. */
  async read(messages: number, keep: boolean): Promise<void> {
    for (let count = 0; count < messages; count++) {
      const frames = await pullIfReady(this.#stream);
      if (!frames) return;
      if (!keep) continue;
      for (const { frame } of frames) {
        if (frame?.$case === 'gap') this.#lose(frame.value);
        if (frame?.$case === 'eventBatch') this.#take(frame.value);
        expect(frame?.$case, 'nothing is refused').to.not.equal('requestFailed');
      }
    }
  }

  #lose(gap: Gap): void {
    this.seen.push({ kind: 'gap', gap });
    this.position = gap.resumesAt;
  }

  #take(batch: EventBatch): void {
    expect(batch.afterSequence, 'a batch begins where the reader is, or before').to.be.at.most(
      this.position?.sequence ?? 0,
    );
    this.seen.push({ kind: 'events', batch });
    this.position = batch.upTo;
    this.#unacknowledged.push(batch.upTo?.sequence ?? 0);
  }

  acknowledge(): void {
    const sequence = this.#unacknowledged.pop();
    this.#unacknowledged = [];
    if (sequence !== undefined) this.#stream?.send({ $case: 'ack', value: { sequence } });
  }

  async cut(): Promise<void> {
    await this.#stream?.cut();
    this.#unacknowledged = [];
  }
}

/** A pull that gives up when nothing is ready: a pull that is given up is taken up by the next. */
const waiting = new WeakMap<TestStream, ReturnType<TestStream['pull']>>();
async function pullIfReady(stream: TestStream | undefined) {
  if (!stream) return undefined;
  const pull = waiting.get(stream) ?? stream.pull();
  waiting.set(stream, pull);
  const idle = new Promise<'idle'>((resolve) => {
    // Three turns of the event loop: a woken stream answers in two.
    setImmediate(() => setImmediate(() => setImmediate(() => resolve('idle'))));
  });
  const frames = await Promise.race([pull, idle]);
  if (frames === 'idle') return undefined;
  waiting.delete(stream);
  return frames;
}

type Step =
  | { kind: 'publish'; topic: number; count: number; bytes: number }
  | { kind: 'read'; reader: number; messages: number; keep: boolean }
  | { kind: 'acknowledge'; reader: number }
  | { kind: 'cut'; reader: number };

const reader = fc.nat({ max: 4 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('publish' as const),
      topic: fc.nat({ max: TOPICS.length - 1 }),
      count: fc.integer({ min: 1, max: 40 }),
      bytes: fc.constantFrom(1, 100, 30_000),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      reader,
      messages: fc.integer({ min: 1, max: 6 }),
      keep: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('acknowledge' as const), reader }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const), reader }) },
);

/** Everything the journal ever had, which retention makes it forget, and where it once began. */
interface History {
  readonly all: Entry[];
  readonly floors: Set<number>;
}

function history({ journal }: TestHub): History {
  const floors = new Set([journal.oldest.sequence]);
  const all: Entry[] = [];
  journal.onAppend((entries) => {
    all.push(...entries);
    floors.add(journal.oldest.sequence);
  });
  return { all, floors };
}

async function publish(town: TestHub, { topic, count, bytes }: Extract<Step, { kind: 'publish' }>) {
  const name = TOPICS[topic] ?? 'chat.global';
  const entries = Array.from({ length: count }, () => ({
    topic: name,
    source: '',
    // An Event whose topic is set and whose unknown field 15 pads it.
    event: Buffer.concat([
      Buffer.from([0x12, name.length]),
      Buffer.from(name),
      Buffer.from([0x7a, ...varint(bytes)]),
      Buffer.alloc(bytes),
    ]),
  }));
  await town.network.commit({ entries });
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}

function check({ seen, filter }: Reader, from: number, { all, floors }: History): void {
  const matching = all.filter(({ topic, event }) => event.length > 0 && filter.matches(topic));
  let position = from;
  for (const item of seen) {
    if (item.kind === 'gap') {
      const { lostAfter, resumesAt } = item.gap;
      const [low, high] = [lostAfter?.sequence ?? 0, resumesAt?.sequence ?? 0];
      expect(low, 'a gap begins where the reader is, or later').to.be.at.least(position);
      const skipped = matching.filter(({ sequence }) => sequence > position && sequence <= low);
      expect(skipped, 'nothing is missing before the gap').to.be.empty;
      expect(high, 'a gap is not empty').to.be.greaterThan(low);
      expect(floors.has(high), 'it goes on with the oldest entry there was').to.equal(true);
      position = high;
      continue;
    }
    const { events, upTo } = item.batch;
    const end = upTo?.sequence ?? 0;
    const expected = matching.filter(({ sequence }) => sequence > position && sequence <= end);
    const given = events.map(({ sequence }) => sequence).filter((sequence) => sequence > position);
    expect(given).to.deep.equal(expected.map(({ sequence }) => sequence));
    position = Math.max(position, end);
  }
  const rest = matching.filter(({ sequence }) => sequence > position);
  expect(rest, 'at the end nothing is outstanding').to.be.empty;
}

describe('delivery', () => {
  it('is the journal filtered, in order, or an exact gap', async () => {
    let gaps = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 20, maxLength: 60 }),
        fc.integer({ min: 10, max: 60 }),
        fc.integer({ min: 1, max: 60 }),
        fc.array(fc.tuple(fc.boolean(), fc.constantFrom(1, 10, 4096)), {
          minLength: 5,
          maxLength: 5,
        }),
        async (steps, entries, tail, kinds) => {
          const town = await openHub({
            retention: { entries },
            tail: { entries: tail, bytes: 2 ** 20 },
          });
          const past = history(town);
          const readers = kinds.map(
            ([fromStart, window], index) =>
              new Reader(town, index, FILTERS[index] ?? [], fromStart, window),
          );
          for (const one of readers) await one.connect();
          const origins = readers.map(({ position }) => position?.sequence ?? 0);
          for (const one of steps) {
            if (one.kind === 'publish') {
              await publish(town, one);
              continue;
            }
            const target = readers[one.reader];
            if (one.kind === 'read') await target?.read(one.messages, true);
            if (one.kind === 'acknowledge') target?.acknowledge();
            if (one.kind === 'cut') {
              // Some messages are on their way when the connection breaks.
              await target?.read(2, false);
              await target?.cut();
              await target?.connect();
            }
          }
          for (const one of readers) {
            for (let round = 0; round < 200; round++) {
              const before = one.seen.length;
              one.acknowledge();
              await one.read(50, true);
              if (one.seen.length === before && round > 1) break;
            }
          }
          readers.forEach((one, index) => check(one, origins[index] ?? 0, past));
          gaps += readers.flatMap(({ seen }) => seen).filter(({ kind }) => kind === 'gap').length;
          expect(town.faults).to.be.empty;
          for (const one of readers) await one.cut();
          expect(town.hub.bell.size, 'no feed is left behind').to.equal(0);
        },
      ),
      { numRuns: 150 },
    );
    expect(gaps, 'retention has overtaken readers, so gaps were tested').to.be.greaterThan(10);
  }).timeout(120_000);
});
