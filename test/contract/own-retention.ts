/** The part of the journal's contract about topics with a retention of their own. Every engine must pass it. */
import { expect } from 'chai';
import fc from 'fast-check';
import type { Cursor } from '../../server/core/cursor.js';
import { isUnder } from '../../server/topics/topic.js';
import type { Journal, Page, Retention, TopicRetention } from '../../server/journal/journal.js';
import { note, tableOf, textsOf, write } from '../support/journal/entries.js';
import { FakeClock } from '../support/clock/fake-clock.js';

const everything = { entries: 1_000_000, bytes: 2 ** 30, ageMs: 2 ** 40 };
const MINUTE_MS = 60_000;

/** Adds the tests for one engine. `make` opens an empty journal. */
export function ownRetentionContract(
  make: (options: { clock: FakeClock; retention: Retention }) => Promise<Journal>,
): void {
  let clock: FakeClock;
  let opened: Journal[];

  beforeEach(() => {
    clock = new FakeClock();
    opened = [];
  });
  afterEach(async () => {
    for (const one of opened) await one.close();
  });

  const open = async (topics: TopicRetention[], more = {}): Promise<Journal> => {
    const journal = await make({ clock, retention: { ...everything, ...more, topics } });
    opened.push(journal);
    return journal;
  };
  const say = async (journal: Journal, topic: string, ...texts: string[]): Promise<Cursor> => {
    await journal.append([{ entries: texts.map((text) => note(text, topic)) }]);
    return journal.head;
  };
  const page = async (journal: Journal, after: Cursor, limit = 10_000): Promise<Page> => {
    const answer = await journal.read(after, limit);
    if (answer.kind === 'page') return answer;
    throw new Error(`a gap instead of a page: ${JSON.stringify(answer)}`);
  };

  it('keep entries up to their limit, together with topics below them; other topics keep all', async () => {
    const journal = await open([{ prefix: 'chat', entries: 2 }]);
    const start = journal.oldest;
    await say(journal, 'chat.global', 'a');
    await say(journal, 'chats', 'b');
    const removed = await say(journal, 'chat', 'c');
    await say(journal, 'chat.x.y', 'd', 'e');
    await say(journal, 'shop', 'f');
    const all = await page(journal, start);
    expect(textsOf(all)).to.deep.equal(['b', 'd', 'e', 'f']);
    expect(all.upTo).to.deep.equal(journal.head);
    expect(all.missing).to.deep.equal([{ prefix: 'chat', upTo: removed }]);
    expect(journal.oldest).to.deep.equal(start);
    const { entries, bytes, own, topics } = journal.usage();
    expect(entries).to.equal(4);
    expect(own.map(({ limits, entries }) => [limits.prefix, entries])).to.deep.equal([['chat', 2]]);
    expect(topics.reduce((sum, topic) => sum + topic.bytes, 0)).to.equal(bytes);
  });

  it('are named as missing only to a reader that starts before their last removed entry', async () => {
    const journal = await open([{ prefix: 'chat', entries: 1 }]);
    const positions: Cursor[] = [journal.head];
    for (const [topic, text] of [
      ['chat', 'a'],
      ['shop', 'b'],
      ['chat', 'c'],
      ['chat', 'd'],
      ['shop', 'e'],
    ] as const) {
      positions.push(await say(journal, topic, text));
    }
    const pages = await Promise.all(positions.map((at) => page(journal, at)));
    expect(pages.map(({ missing }) => missing.length)).to.deep.equal([1, 1, 1, 0, 0, 0]);
    expect(pages.map(textsOf)).to.deep.equal([
      ['b', 'd', 'e'],
      ['b', 'd', 'e'],
      ['d', 'e'],
      ['d', 'e'],
      ['e'],
      [],
    ]);
  });

  it('keep bytes up to their limit', async () => {
    const journal = await open([{ prefix: 'map', bytes: 10_000 }]);
    const start = journal.oldest;
    for (let index = 0; index < 30; index++) {
      await say(journal, 'map.tile', `${index}`.padEnd(1000));
      await say(journal, 'chat', 'x');
    }
    const texts = textsOf(await page(journal, start));
    expect(texts.filter((text) => text === 'x')).to.have.length(30);
    expect(texts.length - 30).to.be.within(5, 10);
    expect(journal.usage().own[0]?.bytes).to.be.within(5000, 10_000);
  });

  it('lose entries that are too old when the next entry comes, of whatever topic', async () => {
    const journal = await open([{ prefix: 'metrics', ageMs: MINUTE_MS }]);
    const start = journal.oldest;
    const old = await say(journal, 'metrics.tps', 'old');
    await say(journal, 'chat', 'a');
    clock.advance(MINUTE_MS / 2);
    await say(journal, 'metrics.tps', 'young');
    clock.advance(MINUTE_MS / 2 + 1);
    await say(journal, 'chat', 'b');
    const all = await page(journal, start);
    expect(textsOf(all)).to.deep.equal(['a', 'young', 'b']);
    expect(all.missing).to.deep.equal([{ prefix: 'metrics', upTo: old }]);
  });

  it('can lose all entries, the newest of the journal too, and the journal goes on', async () => {
    const journal = await open([{ prefix: 'map', bytes: 100 }]);
    const start = journal.oldest;
    const at = await say(journal, 'map', 'x'.repeat(1000));
    expect(await page(journal, start)).to.deep.include({ entries: [], upTo: at });
    expect(await page(journal, at)).to.deep.include({ entries: [], missing: [] });
    expect(journal.usage()).to.deep.include({ entries: 0, bytes: 0, topics: [] });
    await say(journal, 'chat', 'a');
    expect(textsOf(await page(journal, start))).to.deep.equal(['a']);
  });

  it('lose no rows and no conditions on rows', async () => {
    const journal = await open([{ prefix: 'nodes', entries: 1 }]);
    const first = journal.head.sequence + 1;
    await journal.append([{ entries: [write('nodes/a', '1'), write('nodes/b', '1')] }]);
    expect(journal.usage().entries).to.equal(1);
    expect(await tableOf(journal.rows(''))).to.have.keys('nodes/a', 'nodes/b');
    const require = [{ key: 'nodes/a', sequence: first }];
    const [outcome] = await journal.append([{ require, entries: [write('nodes/a', '2')] }]);
    expect(outcome?.kind).to.equal('stored');
  });

  it('reach listeners whole', async () => {
    const journal = await open([{ prefix: 'chat', entries: 1 }]);
    const received: string[] = [];
    journal.onAppend((entries) => received.push(...textsOf({ entries })));
    await say(journal, 'chat', 'a', 'b', 'c');
    expect(received).to.deep.equal(['a', 'b', 'c']);
  });

  it('are named as missing when reading since an age begins before their last removed entry', async () => {
    const journal = await open([{ prefix: 'chat', entries: 1 }]);
    for (const text of ['0', '1', '2', '3']) {
      await say(journal, 'chat', text);
      await say(journal, 'shop', `shop ${text}`);
      clock.advance(MINUTE_MS);
    }
    const since = async (minutes: number) =>
      page(journal, await journal.since(minutes * MINUTE_MS));
    expect(textsOf(await since(3))).to.deep.equal(['shop 1', 'shop 2', '3', 'shop 3']);
    expect((await since(3)).missing).to.have.length(1);
    expect(textsOf(await since(2))).to.deep.equal(['shop 2', '3', 'shop 3']);
    expect((await since(2)).missing).to.have.length(1);
    expect(textsOf(await since(1))).to.deep.equal(['3', 'shop 3']);
    expect((await since(1)).missing).to.be.empty;
    expect((await since(0)).entries).to.be.empty;
  });

  const step = fc.oneof(
    fc.record({
      topic: fc.constantFrom('chat.a', 'chat', 'metrics.tps', 'shop', 'shop.b'),
      count: fc.integer({ min: 1, max: 6 }),
    }),
    fc.record({ advanceMs: fc.constantFrom(1, 400, 1000) }),
  );

  it('behave like an array, whatever is written and from whatever position it is read', async () => {
    const property = fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom(5, 20, 1000),
      fc.integer({ min: 1, max: 7 }),
      async (steps, chatEntries, entries, limit) => {
        const topics = [
          { prefix: 'chat', entries: chatEntries },
          { prefix: 'metrics', ageMs: 1000, entries: 8 },
        ];
        const journal = await open(topics, { entries });
        const model = new OwnModel(topics, entries, journal.oldest.sequence);
        const positions: Cursor[] = [journal.oldest];
        for (const one of steps) {
          if ('advanceMs' in one) {
            clock.advance(one.advanceMs);
            continue;
          }
          const texts = Array.from({ length: one.count }, (_, index) => `${index}`);
          const { epoch } = await say(journal, one.topic, ...texts);
          const newest = journal.head.sequence;
          const sequences = texts.map((_, index) => newest - one.count + 1 + index);
          for (const sequence of sequences) {
            positions.push({ epoch, sequence, tag: journal.head.tag });
          }
          model.append(one.topic, sequences, clock.wall());
          model.check(await page(journal, journal.oldest), journal);
        }
        for (const at of positions) {
          const answer = await journal.read(at, limit);
          if (answer.kind === 'gap') expect(at.sequence).to.be.below(model.floor);
          else model.checkPage(at.sequence, answer, limit);
        }
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });
}

/** A slow and simple model of the entries that the journal keeps. */
class OwnModel {
  readonly #topics: readonly TopicRetention[];
  readonly #limit: number;
  readonly #removed = new Map<string, number>();
  #live: { sequence: number; topic: string; atMs: number }[] = [];
  floor: number;

  constructor(topics: readonly TopicRetention[], limit: number, floor: number) {
    this.#topics = topics;
    this.#limit = limit;
    this.floor = floor;
  }

  append(topic: string, sequences: readonly number[], nowMs: number): void {
    for (const sequence of sequences) this.#live.push({ sequence, topic, atMs: nowMs });
    for (const { prefix, entries = Infinity, ageMs = Infinity } of this.#topics) {
      for (;;) {
        const own = this.#live.filter((one) => isUnder(one.topic, prefix));
        const [oldest] = own;
        if (!oldest || (own.length <= entries && nowMs - oldest.atMs <= ageMs)) break;
        this.#live.splice(this.#live.indexOf(oldest), 1);
        this.#removed.set(prefix, oldest.sequence);
      }
    }
    while (this.#live.length > this.#limit) this.floor = this.#live.shift()?.sequence ?? 0;
  }

  check(all: Page, journal: Journal): void {
    expect(journal.oldest.sequence).to.equal(this.floor);
    this.checkPage(this.floor, all, Infinity);
    const { entries, own } = journal.usage();
    expect(entries).to.equal(this.#live.length);
    for (const { limits, entries: held } of own) {
      const wanted = this.#live.filter(({ topic }) => isUnder(topic, limits.prefix));
      expect(held, limits.prefix).to.equal(wanted.length);
    }
  }

  checkPage(after: number, { entries, missing }: Page, limit: number): void {
    const wanted = this.#live.map(({ sequence }) => sequence).filter((one) => one > after);
    expect(entries.map(({ sequence }) => sequence)).to.deep.equal(wanted.slice(0, limit));
    const holes = [...this.#removed].filter(([, upTo]) => upTo > after);
    expect(new Map(missing.map(({ prefix, upTo }) => [prefix, upTo.sequence]))).to.deep.equal(
      new Map(holes),
    );
  }
}
