import { expect } from 'chai';
import fc from 'fast-check';
import { Event } from '../../../gen/ts/kelpie/v1/event.js';
import { EventBatch } from '../../../gen/ts/kelpie/v1/stream.js';
import type { Cursor } from '../../../server/core/cursor.js';
import { TopicFilter } from '../../../server/topics/filter.js';
import type { Entry } from '../../../server/journal/journal.js';
import {
  type Batch,
  BATCH_LIMITS,
  collect,
  encodeBatch,
  encodeEntry,
} from '../../../server/delivery/batch.js';
import { Tail } from '../../../server/delivery/tail.js';
import { messageEntry, positionOf } from '../../support/journal/entries.js';
import { messageEvent } from '../../support/wire/messages.js';

const epoch = Buffer.alloc(16, 3);
/** As large as real sequences are: microseconds since 1970. */
const FIRST = 1_735_689_600_000_000;
const floor: Cursor = { epoch, sequence: FIRST, tag: 0xffff_fff0 };
const everything = new TopicFilter(['>']);
const plenty = { entries: 1000, bytes: 2 ** 20 };

/** Entries after the floor, two to a tag. */
function entriesOf(said: readonly { topic: string; text: string | null }[]): Entry[] {
  return said.map(({ topic, text }, index) => {
    const sequence = FIRST + 1 + index;
    const entry = messageEntry(sequence, 100 + (index >> 1), topic, text ?? '');
    return text === null ? { ...entry, event: new Uint8Array() } : entry;
  });
}

function eventOf({ sequence, topic, event }: Entry): Event {
  return { ...Event.decode(event), sequence, topic };
}

function decode(after: number, batch: Batch): EventBatch {
  return EventBatch.decode(encodeBatch(after, batch));
}

function tailOf(entries: readonly Entry[], limits = plenty): Tail {
  const tail = new Tail(floor, limits);
  tail.push(entries);
  return tail;
}

/** Chats of which each takes exactly this many bytes in a batch. */
function sized(count: number, bytes: number): Entry[] {
  for (let length = bytes; length >= 0; length--) {
    const said = { topic: 'a', text: 'x'.repeat(length) };
    const [entry] = entriesOf([said]);
    if (entry && encodeEntry(entry).chunk?.length === bytes) {
      return entriesOf(Array.from({ length: count }, () => said));
    }
  }
  throw new Error(`no text makes ${bytes} bytes`);
}

describe('a batch on the wire', () => {
  it('decodes to exactly its events, with their sequences', () => {
    const text = fc.oneof(fc.string(), fc.constant('x'.repeat(20_000)), fc.constant(null));
    const said = fc.array(fc.record({ topic: fc.constantFrom('a', 'b.c'), text }), {
      maxLength: 20,
    });
    fc.assert(
      fc.property(said, (all) => {
        const entries = entriesOf(all);
        const tail = tailOf(entries);
        const batch = tail.batch(FIRST, everything, { events: 100, bytes: 2 ** 20 });
        const events = entries.filter(({ event }) => event.length > 0).map(eventOf);
        expect(decode(FIRST, batch)).to.deep.equal({
          afterSequence: FIRST,
          upTo: tail.head,
          events,
        });
      }),
    );
  });

  it('contains an event with the bytes of its publisher', () => {
    const [entry] = entriesOf([{ topic: 'chat.global', text: 'hello' }]);
    const batch = tailOf(entry ? [entry] : []).batch(FIRST, everything, BATCH_LIMITS);
    expect(decode(FIRST, batch).events).to.deep.equal([
      messageEvent('hello', 'chat.global', FIRST + 1),
    ]);
  });

  it('can be empty', () => {
    const decoded = decode(7, { upTo: floor, bytes: 0, chunks: [] });
    expect(decoded).to.deep.equal({ afterSequence: 7, upTo: floor, events: [] });
  });

  it('does not contain entries without an event', () => {
    const [entry] = entriesOf([{ topic: 'kelpie.sessions', text: null }]);
    expect(entry && encodeEntry(entry).chunk).to.equal(undefined);
  });
});

describe('the tail', () => {
  it('ends at the position of the journal before its first entry', () => {
    const tail = new Tail(floor, plenty);
    expect(tail.head).to.deep.equal(floor);
    expect(tail.batch(FIRST, everything, BATCH_LIMITS)).to.deep.equal({
      upTo: floor,
      bytes: 0,
      chunks: [],
    });
  });

  it('gives, batch by batch, the same events as a filter of all entries', () => {
    const topic = fc.constantFrom('a', 'b', 'b.c', 'nodes.x', 'inbox.lobby-1');
    const text = fc.oneof(fc.string({ maxLength: 40 }), fc.constant(null));
    fc.assert(
      fc.property(
        fc.array(fc.record({ topic, text }), { maxLength: 40 }),
        fc.subarray(['a', 'b', '*.c', '>', 'nodes.*']),
        fc.record({
          events: fc.integer({ min: 1, max: 5 }),
          bytes: fc.integer({ min: 1, max: 300 }),
        }),
        (said, patterns, limits) => {
          const entries = entriesOf(said);
          const tail = tailOf(entries);
          const filter = new TopicFilter(patterns, { inbox: 'inbox.lobby-1' });
          const got: Event[] = [];
          let at: Cursor = floor;
          for (let batches = 0; at.sequence < tail.head.sequence; batches++) {
            expect(batches).to.be.at.most(entries.length);
            const batch = tail.batch(at.sequence, filter, limits);
            expect(batch.chunks.length).to.be.at.most(limits.events);
            if (batch.chunks.length > 1) expect(batch.bytes).to.be.at.most(limits.bytes);
            const { events, upTo } = decode(at.sequence, batch);
            const matching = entries.filter(
              (entry) =>
                entry.event.length > 0 &&
                filter.matches(entry.topic) &&
                entry.sequence > at.sequence &&
                entry.sequence <= batch.upTo.sequence,
            );
            expect(events).to.deep.equal(matching.map(eventOf));
            expect(upTo).to.deep.equal(tail.cursorAt(batch.upTo.sequence));
            got.push(...events);
            at = batch.upTo;
          }
          expect(at).to.deep.equal(tail.head);
          const wanted = entries.filter(
            ({ topic: one, event }) => event.length > 0 && filter.matches(one),
          );
          expect(got).to.deep.equal(wanted.map(eventOf));
        },
      ),
    );
  });

  it('ends a batch at the head if nothing matches', () => {
    const tail = tailOf(
      entriesOf([
        { topic: 'a', text: '1' },
        { topic: 'a', text: '2' },
      ]),
    );
    const batch = tail.batch(FIRST, new TopicFilter(['b']), BATCH_LIMITS);
    expect(batch).to.deep.equal({ upTo: tail.head, bytes: 0, chunks: [] });
  });

  it('ends a batch at its last event if it is full', () => {
    const entries = entriesOf(['a', 'b', 'a', 'b', 'a'].map((topic) => ({ topic, text: topic })));
    const batch = tailOf(entries).batch(FIRST, new TopicFilter(['a']), { events: 2, bytes: 1000 });
    const third = entries[2];
    expect(batch.upTo).to.deep.equal(third && positionOf(epoch, third));
  });

  it('ends a full batch at the head if nothing more matches', () => {
    const entries = entriesOf(['a', 'a', 'b'].map((topic) => ({ topic, text: topic })));
    const tail = tailOf(entries);
    const batch = tail.batch(FIRST, new TopicFilter(['a']), { events: 2, bytes: 1000 });
    expect(batch.chunks).to.have.length(2);
    expect(batch.upTo).to.deep.equal(tail.head);
  });

  it('puts at most 256 events into a batch', () => {
    const tail = tailOf(sized(300, 100));
    const batch = tail.batch(FIRST, everything, BATCH_LIMITS);
    expect(batch.chunks).to.have.length(256);
    expect(batch.upTo.sequence).to.equal(FIRST + 256);
    const rest = tail.batch(batch.upTo.sequence, everything, BATCH_LIMITS);
    expect(rest.chunks).to.have.length(44);
    expect(rest.upTo).to.deep.equal(tail.head);
  });

  it('fills a batch up to 64 KiB and not beyond', () => {
    const fits = tailOf(sized(65, 1024)).batch(FIRST, everything, BATCH_LIMITS);
    expect([fits.chunks.length, fits.bytes]).to.deep.equal([64, 65_536]);
    const over = tailOf(sized(65, 1025)).batch(FIRST, everything, BATCH_LIMITS);
    expect([over.chunks.length, over.bytes]).to.deep.equal([63, 63 * 1025]);
  });

  it('gives a larger event a batch of its own', () => {
    const entries = entriesOf(
      ['a', 'x'.repeat(200_000), 'b'].map((text) => ({ topic: 'a', text })),
    );
    const tail = tailOf(entries);
    const ends: number[] = [];
    for (let at = FIRST; at < tail.head.sequence;) {
      const batch = tail.batch(at, everything, BATCH_LIMITS);
      expect(batch.chunks).to.have.length(1);
      at = batch.upTo.sequence;
      ends.push(at);
    }
    expect(ends).to.deep.equal([FIRST + 1, FIRST + 2, FIRST + 3]);
  });

  it('makes the same batches of entries that an engine has read again', () => {
    const entries = entriesOf(['a', 'b', 'a'].map((topic) => ({ topic, text: topic })));
    const tail = tailOf(entries);
    const filter = new TopicFilter(['a']);
    const limits = { events: 1, bytes: 1000 };
    const again = collect(entries.map(encodeEntry), tail.head, filter, limits);
    expect(again).to.deep.equal(tail.batch(FIRST, filter, limits));
  });

  it('keeps entries up to their limit, and has the position before the oldest', () => {
    const entries = sized(5, 100);
    const tail = tailOf(entries, { entries: 3, bytes: 2 ** 20 });
    const covered = [0, 1, 2, 3, 4, 5].filter((step) => tail.covers(FIRST + step));
    expect(covered).to.deep.equal([2, 3, 4, 5]);
    expect(tail.batch(FIRST + 2, everything, BATCH_LIMITS).chunks).to.have.length(3);
  });

  it('keeps entries up to the limit of bytes', () => {
    const tail = tailOf(sized(10, 100), { entries: 1000, bytes: 350 });
    expect([6, 7].map((step) => tail.covers(FIRST + step))).to.deep.equal([false, true]);
    expect(tail.batch(FIRST + 7, everything, BATCH_LIMITS).bytes).to.equal(300);
  });

  it('keeps the newest entry, however large', () => {
    const tail = tailOf(sized(3, 1000), { entries: 1000, bytes: 10 });
    expect([1, 2].map((step) => tail.covers(FIRST + step))).to.deep.equal([false, true]);
    expect(tail.batch(FIRST + 2, everything, BATCH_LIMITS).chunks).to.have.length(1);
  });

  it('has the position of every sequence that it covers, and of no later one', () => {
    const entries = sized(6, 100);
    const tail = tailOf(entries, { entries: 4, bytes: 2 ** 20 });
    for (const entry of entries.slice(1)) {
      expect(tail.cursorAt(entry.sequence)).to.deep.equal(positionOf(epoch, entry));
    }
    expect(tail.cursorAt(FIRST + 7)).to.equal(undefined);
    expect(new Tail(floor, plenty).cursorAt(FIRST)).to.deep.equal(floor);
  });

  it('stays right while it drops far more entries than it keeps', () => {
    const entries = sized(6000, 50);
    const tail = new Tail(floor, { entries: 100, bytes: 2 ** 20 });
    for (let from = 0; from < entries.length; from += 7) {
      const pushed = entries.slice(from, from + 7);
      tail.push(pushed);
      const newest = from + pushed.length;
      const oldest = Math.max(0, newest - 100);
      expect(tail.head.sequence).to.equal(FIRST + newest);
      expect(tail.covers(FIRST + oldest)).to.equal(true);
      expect(tail.cursorAt(FIRST + oldest)?.tag).to.equal(entries[oldest - 1]?.tag ?? floor.tag);
      if (oldest > 0) expect(tail.covers(FIRST + oldest - 1)).to.equal(false);
      const wanted = entries.slice(oldest, newest).map(({ sequence }) => sequence);
      expect(readOn(tail, FIRST + oldest, everything)).to.deep.equal(wanted);
    }
  });
});

/** The sequences of all events that match a filter after a position, batch by batch. */
function readOn(tail: Tail, after: number, filter: TopicFilter): number[] {
  const got: number[] = [];
  for (let at = after; at < tail.head.sequence;) {
    const batch = tail.batch(at, filter, BATCH_LIMITS);
    expect(batch.upTo.sequence, 'each batch makes progress').to.be.greaterThan(at);
    got.push(...decode(at, batch).events.map(({ sequence }) => sequence));
    at = batch.upTo.sequence;
  }
  return got;
}

describe('readers of the tail', () => {
  const mixed = (count: number) =>
    entriesOf(
      Array.from({ length: count }, (_, at) => ({ topic: `t.${at % 3}`, text: String(at) })),
    ).map((entry, at) => ({ ...entry, source: `node-${at % 2}` }));

  it('share a batch if the same topics of it match, even with different patterns', () => {
    const tail = tailOf(mixed(90));
    const batchOf = (patterns: string[], own = {}) =>
      tail.batch(FIRST, new TopicFilter(patterns, own), BATCH_LIMITS);
    const first = batchOf(['t.0', 'other'], { inbox: 'inbox.a' });
    expect(batchOf(['t.0', 'shop.>'], { inbox: 'inbox.b' })).to.equal(first);
    expect(batchOf(['t.0'], { excluded: 'node-9' })).to.equal(first);
    expect(batchOf(['t.*'])).to.not.equal(first);
    expect(batchOf(['t.0'], { excluded: 'node-1' })).to.not.equal(first);
    expect(tail.batch(FIRST, new TopicFilter(['t.0']), { events: 2, bytes: 999 }).chunks).length(2);
  });

  it('get the events of their own filter, in any order of reads and appends', () => {
    const filters = [
      new TopicFilter(['t.0']),
      new TopicFilter(['t.0', 't.1']),
      new TopicFilter(['>']),
      new TopicFilter(['>'], { excluded: 'node-1' }),
      new TopicFilter(['nothing']),
    ];
    const turn = fc.record({ reader: fc.nat({ max: 4 }), push: fc.nat({ max: 120 }) });
    fc.assert(
      fc.property(fc.array(turn, { minLength: 5, maxLength: 60 }), (turns) => {
        const entries = mixed(7200);
        const tail = new Tail(floor, { entries: 7200, bytes: 2 ** 30 });
        const readers = filters.map((filter) => ({ filter, at: FIRST, got: [] as number[] }));
        let pushed = 0;
        for (const { reader, push } of turns) {
          tail.push(entries.slice(pushed, pushed + push));
          pushed += push;
          const one = readers[reader];
          if (!one) continue;
          const batch = tail.batch(one.at, one.filter, BATCH_LIMITS);
          one.got.push(...decode(one.at, batch).events.map(({ sequence }) => sequence));
          one.at = batch.upTo.sequence;
        }
        for (const { filter, at, got } of readers) {
          got.push(...readOn(tail, at, filter));
          const taken = entries.slice(0, pushed).filter((entry) => filter.takes(entry));
          expect(got).to.deep.equal(taken.map(({ sequence }) => sequence));
        }
      }),
    );
  });
});
