/** The suite that every engine must pass: the guarantees of `server/journal/journal.ts`, one by one. */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { type Cursor, hex } from '../../server/core/cursor.js';
import type {
  Entry,
  Journal,
  JournalGap,
  Outcome,
  Page,
  Producer,
  Retention,
  TableRow,
  Transaction,
} from '../../server/journal/journal.js';
import { note, positionOf, shown, tableOf, textsOf, write } from '../support/journal/entries.js';
import { FakeClock } from '../support/clock/fake-clock.js';
import { instanceOf, intendedCalls, JournalModel } from '../support/journal/journal-model.js';
import { ownRetentionContract } from './own-retention.js';

/** The options with which the suite opens an engine. */
export interface JournalOptions {
  readonly clock: FakeClock;
  readonly retention: Retention;
  /** Gets the errors that listeners throw. */
  readonly onListenerFault?: (error: unknown) => void;
}

const everything: Retention = { entries: 1_000_000, bytes: 2 ** 30, ageMs: 2 ** 40 };

/** Adds the suite for one engine. `make` opens an empty journal. */
export function journalContract(
  name: string,
  make: (options: JournalOptions) => Promise<Journal>,
): void {
  describe(`the contract of a journal: ${name}`, () => {
    let clock: FakeClock;
    let journal: Journal;
    let opened: Journal[];
    let listenerFaults: unknown[];

    const open = async (retention: Partial<Retention> = {}): Promise<Journal> => {
      const onListenerFault = (error: unknown): number => listenerFaults.push(error);
      const kept = { ...everything, ...retention };
      const one = await make({ clock, retention: kept, onListenerFault });
      opened.push(one);
      return one;
    };

    beforeEach(async () => {
      clock = new FakeClock();
      opened = [];
      listenerFaults = [];
      journal = await open();
    });

    afterEach(async () => {
      for (const one of opened) await one.close();
    });

    /** Stores one transaction, which the journal must accept. Returns the sequence of its first entry. */
    const store = async (transaction: Transaction): Promise<number> => {
      const [outcome] = await journal.append([transaction]);
      return firstOf(outcome);
    };

    const say = (...texts: string[]): Promise<number> =>
      store({ entries: texts.map((text) => note(text)) });

    const page = async (after: Cursor, limit = 10_000): Promise<Page> =>
      pageOf(await journal.read(after, limit));

    const gap = async (after: Cursor): Promise<JournalGap> => gapOf(await journal.read(after, 10));

    /** All entries after a position. */
    const all = async (after: Cursor): Promise<readonly Entry[]> => (await page(after)).entries;

    describe('appending', () => {
      it('stores entries in the order of the call, within a transaction and over transactions', async () => {
        const start = journal.head;
        const outcomes = await journal.append([
          { entries: [note('a'), note('b')] },
          { entries: [note('c')] },
          { entries: [note('d'), note('e')] },
        ]);
        expect(textsOf(await page(start))).to.deep.equal(['a', 'b', 'c', 'd', 'e']);
        const first = start.sequence + 1;
        expect(outcomes.map(firstOf)).to.deep.equal([first, first + 2, first + 3]);
      });

      it('stores concurrent calls in the order in which they were made', async () => {
        const start = journal.head;
        const texts = Array.from({ length: 20 }, (_, index) => `call ${index}`);
        const firsts = await Promise.all(texts.map((text) => say(text)));
        expect(textsOf(await page(start))).to.deep.equal(texts);
        expect(firsts).to.deep.equal(texts.map((_, index) => start.sequence + 1 + index));
      });

      it('numbers entries without holes, also after refused transactions', async () => {
        const start = journal.head;
        const refused = { require: [{ key: 'nodes/a', sequence: 9 }], entries: [note('no')] };
        await journal.append([{ entries: [note('a'), note('b')] }, refused]);
        await journal.append([refused]);
        await journal.append([refused, { entries: [note('c')] }]);
        const sequences = (await all(start)).map(({ sequence }) => sequence);
        expect(sequences).to.deep.equal([1, 2, 3].map((step) => start.sequence + step));
        expect(Number.isSafeInteger(journal.head.sequence)).to.equal(true);
      });

      it('keeps every field of an entry', async () => {
        const start = journal.head;
        const entries = [
          { ...note('hello', 'chat.lobby'), source: 'lobby-1' },
          write('nodes/lobby-1', 'there'),
          write('nodes/lobby-1', null),
          { topic: 'kelpie.sessions', event: new Uint8Array(), source: '' },
        ];
        const first = await store({ entries });
        const expected = entries.map((entry, index) =>
          shown({ ...entry, sequence: first + index, tag: 0 }),
        );
        expect((await all(start)).map(shown)).to.deep.equal(expected);
      });

      it('keeps all 256 values of a byte in events and rows', async () => {
        const start = journal.head;
        const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
        await store({
          entries: [{ topic: 'a', event: bytes, source: '', key: 'k', value: bytes }],
        });
        const [entry] = await all(start);
        expect(Buffer.from(entry?.event ?? []).equals(bytes)).to.equal(true);
        for await (const { value } of journal.rows('k')) {
          expect(Buffer.from(value).equals(bytes)).to.equal(true);
        }
      });

      it('decides each transaction of a call by itself', async () => {
        const start = journal.head;
        const outcomes = await journal.append([
          { entries: [note('a')] },
          { require: [{ key: 'nodes/a', sequence: 3 }], entries: [note('refused')] },
          { entries: [note('b')] },
        ]);
        expect(outcomes.map(({ kind }) => kind)).to.deep.equal(['stored', 'conflict', 'stored']);
        expect(textsOf(await page(start))).to.deep.equal(['a', 'b']);
      });

      it('stores 1000 entries in one transaction', async () => {
        const start = journal.head;
        const first = await store({ entries: Array.from({ length: 1000 }, () => note('x')) });
        expect(first).to.equal(start.sequence + 1);
        expect(journal.head.sequence).to.equal(start.sequence + 1000);
      });

      it('refuses a transaction of more than 1000 entries and stores none of it', async () => {
        const start = journal.head;
        const entries = Array.from({ length: 1001 }, () => write('nodes/a', 'x'));
        expect(await rejects(journal.append([{ entries }]))).to.equal(true);
        expect(journal.head).to.deep.equal(start);
        expect(await all(start)).to.be.empty;
        expect(await tableOf(journal.rows(''))).to.be.empty;
      });

      it('shows listeners and readers the same entries after a call that rejected', async () => {
        const start = journal.head;
        const received: string[] = [];
        journal.onAppend((entries) => received.push(...textsOf({ entries })));
        const tooMany = { entries: Array.from({ length: 1001 }, () => note('x')) };
        await rejects(journal.append([{ entries: [note('before')] }, tooMany]));
        expect(textsOf(await page(start))).to.deep.equal(received);
        expect((await page(journal.head)).entries).to.be.empty;
        await say('after');
        expect(textsOf(await page(start))).to.deep.equal(received);
      });

      it('stores nothing for a call without transactions', async () => {
        const start = journal.head;
        expect(await journal.append([])).to.deep.equal([]);
        expect(journal.head).to.deep.equal(start);
      });

      it('settles pending calls before it closes', async () => {
        let settled = false;
        const pending = journal.append([{ entries: [note('last words')] }]).finally(() => {
          settled = true;
        });
        await journal.close();
        expect(settled).to.equal(true);
        expect((await pending).map(({ kind }) => kind)).to.deep.equal(['stored']);
      });
    });

    describe('conditions on rows', () => {
      it('stores if a row is absent as required, and otherwise answers with the sequence of the row', async () => {
        const absent = {
          require: [{ key: 'nodes/a', sequence: 0 }],
          entries: [write('nodes/a', '1')],
        };
        const first = await store(absent);
        expect(await journal.append([absent])).to.deep.equal([
          { kind: 'conflict', key: 'nodes/a', actual: first },
        ]);
      });

      it('stores only if the required entry was the last that wrote the row', async () => {
        const first = await store({ entries: [write('nodes/a', '1')] });
        const second = await store({
          require: [{ key: 'nodes/a', sequence: first }],
          entries: [note('something else'), write('nodes/a', '2')],
        });
        const late = { require: [{ key: 'nodes/a', sequence: first }], entries: [note('late')] };
        expect(await journal.append([late])).to.deep.equal([
          { kind: 'conflict', key: 'nodes/a', actual: second + 1 },
        ]);
      });

      it('treats a deleted row as absent', async () => {
        const first = await store({ entries: [write('nodes/a', '1')] });
        await store({ entries: [write('nodes/a', null)] });
        const late = { require: [{ key: 'nodes/a', sequence: first }], entries: [note('late')] };
        expect(await journal.append([late])).to.deep.equal([
          { kind: 'conflict', key: 'nodes/a', actual: 0 },
        ]);
        await store({
          require: [{ key: 'nodes/a', sequence: 0 }],
          entries: [write('nodes/a', '2')],
        });
      });

      it('requires all of several rows, in whatever place the wrong one stands', async () => {
        const first = await store({ entries: ['a', 'b', 'c'].map((one) => write(one, '1')) });
        const right = ['a', 'b', 'c'].map((key, index) => ({ key, sequence: first + index }));
        for (const [wrong, { key, sequence }] of right.entries()) {
          const require = right.with(wrong, { key, sequence: 1 });
          expect(await journal.append([{ require, entries: [note('no')] }])).to.deep.equal([
            { kind: 'conflict', key, actual: sequence },
          ]);
        }
        await store({ require: right, entries: [note('yes')] });
      });

      it('judges a row by the writes of earlier transactions of the same call', async () => {
        const next = journal.head.sequence + 1;
        const outcomes = await journal.append([
          { require: [{ key: 'a', sequence: 0 }], entries: [write('a', '1')] },
          { require: [{ key: 'a', sequence: 0 }], entries: [write('a', 'too late')] },
          { require: [{ key: 'a', sequence: next }], entries: [write('a', null)] },
          { require: [{ key: 'a', sequence: 0 }], entries: [write('a', '2')] },
        ]);
        expect(outcomes).to.deep.equal([
          { kind: 'stored', first: next },
          { kind: 'conflict', key: 'a', actual: next },
          { kind: 'stored', first: next + 1 },
          { kind: 'stored', first: next + 2 },
        ]);
      });

      it('changes no entry, row or usage, and calls no listener, when it refuses', async () => {
        await store({ entries: [write('a', '1')] });
        const start = journal.head;
        const before = { table: await tableOf(journal.rows('')), usage: journal.usage() };
        const received: Entry[] = [];
        journal.onAppend((entries) => received.push(...entries));
        const require = [{ key: 'a', sequence: 0 }];
        const entries = [note('no'), write('a', '2'), write('b', '2')];
        await journal.append([{ require, entries }]);
        expect(journal.head).to.deep.equal(start);
        expect(await all(start)).to.be.empty;
        expect({ table: await tableOf(journal.rows('')), usage: journal.usage() }).to.deep.equal(
          before,
        );
        expect(received).to.be.empty;
      });
    });

    describe('numbers of producers', () => {
      const instance = instanceOf(1);
      const from = (previous: number, last: number, who = instance): Producer => ({
        instance: who,
        previous,
        last,
      });

      it('are undefined for a producer that never wrote', async () => {
        expect(await journal.producer(instance)).to.equal(undefined);
      });

      it('can be listed, each with the number that is stored', async () => {
        await store({ producer: from(41, 43), entries: [note('a')] });
        await store({ producer: from(0, 1, instanceOf(2)), entries: [] });
        await store({ producer: from(43, 44), entries: [] });
        const listed = new Map<string, number>();
        for await (const one of journal.producers()) listed.set(hex(one.instance), one.last);
        expect(listed).to.deep.equal(
          new Map([
            [hex(instance), 44],
            [hex(instanceOf(2)), 1],
          ]),
        );
      });

      it('may begin anywhere if none is stored', async () => {
        await store({ producer: from(41, 43), entries: [note('a'), note('b')] });
        expect(await journal.producer(instance)).to.equal(43);
      });

      it('advance with a transaction that follows directly', async () => {
        await store({ producer: from(0, 2), entries: [note('a'), note('b')] });
        await store({ producer: from(2, 3), entries: [note('c')] });
        expect(await journal.producer(instance)).to.equal(3);
      });

      for (const [fault, previous, last] of [
        ['a repeat', 0, 2],
        ['an overlap', 1, 4],
        ['a hole', 3, 5],
      ] as const) {
        it(`stay as they are after ${fault}: the answer is the stored number`, async () => {
          await store({ producer: from(0, 2), entries: [note('a'), note('b')] });
          const start = journal.head;
          const again = { producer: from(previous, last), entries: [write('k', 'again')] };
          expect(await journal.append([again])).to.deep.equal([
            { kind: 'producerAt', sequence: 2 },
          ]);
          expect(journal.head).to.deep.equal(start);
          expect(await tableOf(journal.rows(''))).to.be.empty;
          expect(await journal.producer(instance)).to.equal(2);
        });
      }

      it('stay as they are when a row refuses the transaction', async () => {
        await store({ producer: from(0, 2), entries: [note('a')] });
        const require = [{ key: 'a', sequence: 7 }];
        await journal.append([
          { require, producer: from(2, 3), entries: [note('no')] },
          { require, producer: from(5, 6, instanceOf(2)), entries: [note('no')] },
        ]);
        expect(await journal.producer(instance)).to.equal(2);
        expect(await journal.producer(instanceOf(2))).to.equal(undefined);
        await store({ producer: from(2, 3), entries: [note('yes')] });
      });

      it('advance with a transaction without entries, whose answer is the next sequence', async () => {
        const next = journal.head.sequence + 1;
        const outcomes = await journal.append([
          { entries: [note('a')] },
          { producer: from(4, 9), entries: [] },
          { entries: [note('b')] },
        ]);
        expect(outcomes.map(firstOf)).to.deep.equal([next, next + 1, next + 1]);
        expect(await journal.producer(instance)).to.equal(9);
        const stale = { producer: from(4, 5), entries: [note('no')] };
        expect(await journal.append([stale])).to.deep.equal([{ kind: 'producerAt', sequence: 9 }]);
      });

      it('advance without a call of the listeners if the transaction has no entries', async () => {
        const start = journal.head;
        const received: Entry[] = [];
        journal.onAppend((entries) => received.push(...entries));
        await store({ producer: from(0, 1), entries: [] });
        expect(received).to.be.empty;
        expect(journal.head).to.deep.equal(start);
      });

      it('are judged by earlier transactions of the same call', async () => {
        const outcomes = await journal.append([
          { producer: from(0, 2), entries: [note('a'), note('b')] },
          { producer: from(0, 2), entries: [note('a'), note('b')] },
          { producer: from(2, 3), entries: [note('c')] },
        ]);
        expect(outcomes.map(({ kind }) => kind)).to.deep.equal(['stored', 'producerAt', 'stored']);
        expect(await journal.producer(instance)).to.equal(3);
      });

      it('are separate for producers that differ in their last byte', async () => {
        const twin = Uint8Array.from(instance);
        twin[15] = 99;
        await store({ producer: from(0, 5), entries: [note('a')] });
        await store({ producer: from(70, 71, twin), entries: [note('b')] });
        expect(await journal.producer(instance)).to.equal(5);
        expect(await journal.producer(twin)).to.equal(71);
        expect(await journal.producer(Uint8Array.from(instance))).to.equal(5);
      });
    });

    describe('the table', () => {
      it('shows each row with its value and the sequence that last wrote it', async () => {
        const first = await store({ entries: [write('nodes/a', '1'), write('nodes/b', '1')] });
        const second = await store({ entries: [note('between'), write('nodes/a', '2')] });
        expect(await tableOf(journal.rows(''))).to.deep.equal(
          new Map([
            ['nodes/a', { value: '2', sequence: second + 1 }],
            ['nodes/b', { value: '1', sequence: first + 1 }],
          ]),
        );
      });

      it('shows the row of the last entry if a transaction writes it more than once', async () => {
        const first = await store({
          entries: [
            write('a', '1'),
            write('b', '1'),
            write('a', null),
            write('a', '2'),
            write('b', null),
          ],
        });
        expect(await tableOf(journal.rows(''))).to.deep.equal(
          new Map([['a', { value: '2', sequence: first + 3 }]]),
        );
      });

      it('keeps an empty value as a row', async () => {
        const first = await store({ entries: [write('a', '')] });
        expect(await tableOf(journal.rows(''))).to.deep.equal(
          new Map([['a', { value: '', sequence: first }]]),
        );
      });

      it('does not change by an entry without a key', async () => {
        await store({ entries: [write('nodes/a', '1')] });
        const before = await tableOf(journal.rows(''));
        await store({ entries: [note('hello', 'nodes.a')] });
        expect(await tableOf(journal.rows(''))).to.deep.equal(before);
      });

      it('shows the rows of a prefix only', async () => {
        const keys = ['nodes/a', 'nodes/ab', 'nodes', 'nodes-2/a', 'state/nodes/a', 'Nodes/a'];
        await store({ entries: keys.map((one) => write(one, '1')) });
        const names = async (prefix: string) => [...(await tableOf(journal.rows(prefix))).keys()];
        expect(await names('nodes/')).to.have.members(['nodes/a', 'nodes/ab']);
        expect(await names('nodes/a')).to.have.members(['nodes/a', 'nodes/ab']);
        expect(await names('')).to.have.members(keys);
        expect(await names('players/')).to.be.empty;
      });

      it('has changed when listeners get the entry', async () => {
        const seen: Promise<Map<string, unknown>>[] = [];
        journal.onAppend(() => seen.push(tableOf(journal.rows(''))));
        const first = await store({ entries: [write('a', '1'), write('b', '1')] });
        expect(await Promise.all(seen)).to.deep.equal([
          new Map([
            ['a', { value: '1', sequence: first }],
            ['b', { value: '1', sequence: first + 1 }],
          ]),
        ]);
      });

      it('is complete after an iteration plus the entries that came during it', async () => {
        await store({ entries: ['a', 'b', 'c', 'd', 'e', 'f'].map((one) => write(one, 'old')) });
        const start = journal.head;
        const folded = new Map<string, { value: string | null; sequence: number }>();
        const fold = (key: string, value: string | null, sequence: number): void => {
          if (sequence >= (folded.get(key)?.sequence ?? 0)) folded.set(key, { value, sequence });
        };
        const changes = [
          [write('a', null), write('f', 'new'), write('g', 'new')],
          [write('b', 'new'), write('c', null), write('a', 'again')],
          [write('h', 'new'), write('g', null), write('e', null)],
        ];
        for await (const { key, value, sequence } of journal.rows('')) {
          fold(key, Buffer.from(value).toString(), sequence);
          const entries = changes.shift();
          if (entries) await store({ entries });
        }
        for (const { row, sequence } of (await all(start)).map(shown)) {
          if (row) fold(row.key, row.value, sequence);
        }
        const left = [...folded].filter(([, { value }]) => value !== null);
        expect(changes).to.be.empty;
        expect(new Map(left)).to.deep.equal(await tableOf(journal.rows('')));
      });

      it('can be read again after a reader left an iteration early', async () => {
        await store({ entries: ['a', 'b'].map((one) => write(one, '1')) });
        const seen: TableRow[] = [];
        for await (const row of journal.rows('')) {
          seen.push(row);
          break;
        }
        expect(seen).to.have.length(1);
        expect(await tableOf(journal.rows(''))).to.have.length(2);
      });
    });

    describe('listeners', () => {
      it('get each entry once, in order, and equal to the entry that can be read', async () => {
        const start = journal.head;
        const received: Entry[] = [];
        journal.onAppend((entries) => received.push(...entries));
        await journal.append([{ entries: [note('a'), write('k', '1')] }, { entries: [note('b')] }]);
        await Promise.all([say('c'), say('d')]);
        const read = await all(start);
        expect(received.map(shown)).to.deep.equal(read.map(shown));
        expect(received.map(({ tag }) => tag)).to.deep.equal(read.map(({ tag }) => tag));
        expect(received).to.have.length(5);
      });

      it('that throw are reported, and affect neither the journal nor other listeners', async () => {
        const fault = new Error('a fault of the listener');
        const seen: string[] = [];
        journal.onAppend(() => {
          throw fault;
        });
        journal.onAppend((entries) => seen.push(...textsOf({ entries })));
        const first = await store({ entries: [note('a'), write('k', '1')] });
        await store({ require: [{ key: 'k', sequence: first + 1 }], entries: [note('b')] });
        expect(seen).to.deep.equal(textsOf({ entries: await all(journal.oldest) }));
        expect(listenerFaults).to.deep.equal([fault, fault]);
        expect(journal.readOnly).to.equal(false);
      });

      it('get entries before the append that stored them resolves', async () => {
        const order: string[] = [];
        journal.onAppend((entries) =>
          order.push(...textsOf({ entries }).map((text) => `saw ${text}`)),
        );
        const append = async (text: string): Promise<void> => {
          await say(text);
          order.push(`stored ${text}`);
        };
        await Promise.all([append('a'), append('b')]);
        await append('c');
        for (const text of ['a', 'b', 'c']) {
          expect(order).to.include(`saw ${text}`);
          expect(order.indexOf(`saw ${text}`)).to.be.lessThan(order.indexOf(`stored ${text}`));
        }
      });

      it('find the head at or after the entries that they get, and can read these', async () => {
        const checks: Promise<void>[] = [];
        const start = journal.head;
        const check = async (entries: readonly Entry[]): Promise<void> => {
          const [last] = entries.slice(-1);
          expect(journal.head.sequence).to.be.at.least(last?.sequence ?? Infinity);
          const texts = textsOf(await page(start));
          expect(texts).to.include.members(textsOf({ entries }));
        };
        journal.onAppend((entries) => checks.push(check(entries)));
        await journal.append([{ entries: [note('a'), note('b')] }, { entries: [note('c')] }]);
        await say('d');
        expect(checks).to.not.be.empty;
        await Promise.all(checks);
      });

      it('are all called, until they unsubscribe', async () => {
        const received = { stays: 0, leaves: 0 };
        journal.onAppend((entries) => (received.stays += entries.length));
        const leave = journal.onAppend((entries) => (received.leaves += entries.length));
        await say('a');
        leave();
        leave();
        await say('b');
        expect(received).to.deep.equal({ stays: 2, leaves: 1 });
      });
    });

    describe('reading', () => {
      it('finds nothing in an empty journal, whose head and oldest position are equal', async () => {
        expect(journal.oldest).to.deep.equal(journal.head);
        expect(journal.head.epoch).to.have.length(16);
        expect(await page(journal.head)).to.deep.equal({
          kind: 'page',
          entries: [],
          upTo: journal.head,
          missing: [],
        });
      });

      it('gives the entries strictly after a position', async () => {
        const start = journal.head;
        await say('a', 'b');
        const [first] = await all(start);
        if (!first) throw new Error('nothing was stored');
        expect(textsOf(await page(positionOf(start.epoch, first)))).to.deep.equal(['b']);
        expect(textsOf(await page(start))).to.deep.equal(['a', 'b']);
        expect(textsOf(await page(journal.head))).to.be.empty;
      });

      it('gives pages of at most the wanted bytes, but of at least one entry', async () => {
        const start = journal.head;
        await say(
          ...Array.from({ length: 20 }, (_, at) => `${at}`.padEnd(1000)),
          'x'.repeat(9000),
          'y',
        );
        const first = pageOf(await journal.read(start, 100, 5000));
        expect(first.entries.length).to.be.within(3, 4);
        expect(first.upTo.sequence).to.equal(first.entries.at(-1)?.sequence);
        const lengths: number[] = [];
        for (let at = start; at.sequence < journal.head.sequence;) {
          const { entries, upTo } = pageOf(await journal.read(at, 100, 5000));
          lengths.push(...entries.map(({ event }) => event.length));
          const bytes = entries.reduce((sum, { event }) => sum + event.length, 0);
          expect(entries.length === 1 || bytes <= 5000).to.equal(true);
          at = upTo;
        }
        expect(lengths).to.deep.equal([...Array.from({ length: 20 }, () => 1000), 9000, 1]);
      });

      it('gives pages of at most the limit, each ending at its last entry', async () => {
        const start = journal.head;
        await say('a', 'b', 'c');
        await say('d', 'e');
        const texts: string[][] = [];
        let at = start;
        for (;;) {
          const next = await page(at, 2);
          if (next.entries.length === 0) break;
          const last = next.entries.at(-1);
          expect(next.upTo).to.deep.equal(last && positionOf(start.epoch, last));
          texts.push(textsOf(next));
          at = next.upTo;
        }
        expect(texts).to.deep.equal([['a', 'b'], ['c', 'd'], ['e']]);
        expect(at).to.deep.equal(journal.head);
      });

      it('has its head at the last acknowledged entry', async () => {
        const start = journal.head;
        await say('a');
        await say('b', 'c');
        const last = (await all(start)).at(-1);
        expect(journal.head).to.deep.equal(last && positionOf(start.epoch, last));
        expect(journal.oldest).to.deep.equal(start);
      });

      it('draws one tag for each call', async () => {
        const start = journal.head;
        await journal.append([{ entries: [note('a'), note('b')] }, { entries: [note('c')] }]);
        expect(new Set((await all(start)).map(({ tag }) => tag))).to.have.length(1);
        for (let call = 0; call < 20; call++) await say('d');
        const tags = (await all(start)).map(({ tag }) => tag);
        // Two of 21 draws from 2^32 are equal in one of twenty million runs.
        expect(new Set(tags)).to.have.length(21);
        for (const tag of tags) expect(tag).to.equal(tag >>> 0);
      });

      it('can go on after any entry, also in the middle of a call', async () => {
        const start = journal.head;
        await journal.append([
          { entries: [note('a'), note('b'), note('c')] },
          { entries: [note('d')] },
        ]);
        await say('e', 'f');
        const entries = await all(start);
        const texts = textsOf({ entries });
        for (const [index, entry] of entries.entries()) {
          const rest = await page(positionOf(start.epoch, entry));
          expect(textsOf(rest)).to.deep.equal(texts.slice(index + 1));
          expect(rest.upTo).to.deep.equal(journal.head);
        }
      });
    });

    describe('gaps', () => {
      it('have the reason EPOCH_CHANGED for a cursor of another epoch, whatever its sequence', async () => {
        await say('a', 'b');
        const epoch = randomBytes(16);
        for (const sequence of [0, journal.head.sequence, journal.head.sequence + 1000]) {
          const lostAfter = { epoch, sequence, tag: journal.head.tag };
          expect(await gap(lostAfter)).to.deep.equal({
            kind: 'gap',
            reason: 'EPOCH_CHANGED',
            lostAfter,
            resumesAt: journal.oldest,
          });
        }
      });

      it('have the reason CURSOR_AHEAD for a cursor after the newest entry', async () => {
        await say('a');
        const lostAfter = { ...journal.head, sequence: journal.head.sequence + 1 };
        expect(await gap(lostAfter)).to.deep.equal({
          kind: 'gap',
          reason: 'CURSOR_AHEAD',
          lostAfter,
          resumesAt: journal.head,
        });
      });

      it('have the reason HISTORY_REWRITTEN for a tag that differs from the entry’s', async () => {
        const start = journal.head;
        await say('a', 'b');
        await say('c');
        for (const { sequence, tag } of await all(start)) {
          const lostAfter = { epoch: start.epoch, sequence, tag: (tag ^ 1) >>> 0 };
          expect(await gap(lostAfter)).to.deep.equal({
            kind: 'gap',
            reason: 'HISTORY_REWRITTEN',
            lostAfter,
            resumesAt: journal.oldest,
          });
        }
      });

      it('have the reason TRIMMED for a cursor before the oldest entry', async () => {
        journal = await open({ entries: 3 });
        const start = journal.head;
        for (const text of ['a', 'b', 'c', 'd', 'e']) await say(text);
        expect(await gap(start)).to.deep.equal({
          kind: 'gap',
          reason: 'TRIMMED',
          lostAfter: start,
          resumesAt: journal.oldest,
        });
      });

      it('name the position from which reading goes on', async () => {
        journal = await open({ entries: 3 });
        const start = journal.head;
        for (const text of ['a', 'b', 'c', 'd', 'e']) await say(text);
        const { head } = journal;
        const texts = async (after: Cursor) => textsOf(await page((await gap(after)).resumesAt));
        expect(await texts(start)).to.deep.equal(['c', 'd', 'e']);
        expect(await texts({ ...head, epoch: randomBytes(16) })).to.deep.equal(['c', 'd', 'e']);
        expect(await texts({ ...head, tag: (head.tag ^ 1) >>> 0 })).to.deep.equal(['c', 'd', 'e']);
        expect(await texts({ ...head, sequence: head.sequence + 9 })).to.be.empty;
      });
    });

    describe('retention', () => {
      it('keeps entries up to its limit', async () => {
        journal = await open({ entries: 3 });
        for (const text of ['a', 'b', 'c']) await say(text);
        expect(textsOf(await page(journal.oldest))).to.deep.equal(['a', 'b', 'c']);
        await say('d');
        expect(textsOf(await page(journal.oldest))).to.deep.equal(['b', 'c', 'd']);
        expect(journal.oldest.sequence).to.equal(journal.head.sequence - 3);
      });

      it('makes no gap for a reader that had the last removed entry, and a gap for an earlier one', async () => {
        journal = await open({ entries: 3 });
        const positions: Cursor[] = [];
        for (const text of ['a', 'b', 'c', 'd', 'e']) {
          await say(text);
          positions.push(journal.head);
        }
        const answers = await Promise.all(positions.map((at) => journal.read(at, 10)));
        expect(answers.map(({ kind }) => kind)).to.deep.equal([
          'gap',
          'page',
          'page',
          'page',
          'page',
        ]);
        expect(journal.oldest).to.deep.equal(positions[1]);
      });

      it('gives listeners all entries of a call that is larger than the limit', async () => {
        journal = await open({ entries: 3 });
        const received: string[] = [];
        journal.onAppend((entries) => received.push(...textsOf({ entries })));
        await say('a', 'b', 'c', 'd', 'e');
        expect(received).to.deep.equal(['a', 'b', 'c', 'd', 'e']);
        const kept = textsOf(await page(journal.oldest));
        expect(kept.slice(-3)).to.deep.equal(['c', 'd', 'e']);
        expect(journal.usage().entries).to.equal(kept.length);
      });

      it('keeps bytes up to its limit', async () => {
        journal = await open({ bytes: 10_000 });
        for (let index = 0; index < 30; index++) await say(`${index}`.padEnd(1000));
        expect(journal.usage().bytes).to.be.at.most(10_000);
        const kept = textsOf(await page(journal.oldest));
        expect(kept.length).to.be.within(5, 10);
        expect(kept.at(-1)?.trim()).to.equal('29');
      });

      it('removes entries that are too old when the next entry comes', async () => {
        journal = await open({ ageMs: 60_000 });
        const start = journal.head;
        await say('old');
        clock.advance(30_000);
        await say('young');
        clock.advance(30_001);
        await say('new');
        expect(textsOf(await page(journal.oldest))).to.deep.equal(['young', 'new']);
        expect((await gap(start)).reason).to.equal('TRIMMED');
      });

      it('can remove everything but the newest entry', async () => {
        journal = await open({ ageMs: 60_000 });
        await say('a', 'b', 'c');
        clock.advance(24 * 60 * 60 * 1000);
        await say('d');
        expect(textsOf(await page(journal.oldest))).to.deep.equal(['d']);
        expect(journal.oldest.sequence).to.equal(journal.head.sequence - 1);
      });

      it('keeps rows, and conditions on them, when it removes the entry that wrote them', async () => {
        journal = await open({ entries: 2 });
        const first = await store({ entries: [write('nodes/a', '1')] });
        for (const text of ['a', 'b', 'c']) await say(text);
        expect(await tableOf(journal.rows(''))).to.deep.equal(
          new Map([['nodes/a', { value: '1', sequence: first }]]),
        );
        await store({
          require: [{ key: 'nodes/a', sequence: first }],
          entries: [write('nodes/a', '2')],
        });
      });

      it('keeps the numbers of producers when it removes their entries', async () => {
        journal = await open({ entries: 1 });
        const instance = instanceOf(1);
        await store({ producer: { instance, previous: 0, last: 4 }, entries: [note('a')] });
        await say('b');
        expect(await journal.producer(instance)).to.equal(4);
      });
    });

    describe('reading since an age', () => {
      const minute = 60_000;

      it('gives the entries that are at most that old', async () => {
        for (const text of ['0', '1', '2', '3']) {
          await say(text);
          clock.advance(minute);
        }
        const since = async (ageMs: number) => textsOf(await page(await journal.since(ageMs)));
        expect(await since(10 * minute)).to.deep.equal(['0', '1', '2', '3']);
        expect(await since(3 * minute)).to.deep.equal(['1', '2', '3']);
        expect(await since(3 * minute - 1)).to.deep.equal(['2', '3']);
        expect(await since(minute)).to.deep.equal(['3']);
        expect(await since(0)).to.be.empty;
      });

      it('begins at the head if no entry is young enough, and at the oldest position if all are', async () => {
        expect(await journal.since(minute)).to.deep.equal(journal.head);
        await say('a', 'b');
        clock.advance(minute);
        expect(await journal.since(minute - 1)).to.deep.equal(journal.head);
        expect(await journal.since(minute)).to.deep.equal(journal.oldest);
      });

      it('begins no earlier than the oldest position', async () => {
        journal = await open({ entries: 2 });
        await say('a');
        await say('b');
        await say('c');
        expect(await journal.since(minute)).to.deep.equal(journal.oldest);
      });

      it('uses the calendar clock', async () => {
        await say('a');
        clock.setWall(clock.wall() + minute);
        await say('b');
        expect(textsOf(await page(await journal.since(minute - 1)))).to.deep.equal(['b']);
        clock.setWall(clock.wall() - minute);
        expect(textsOf(await page(await journal.since(minute - 1)))).to.deep.equal(['a', 'b']);
      });
    });

    describe('usage', () => {
      const named = (begin: string) =>
        journal.usage().topics.filter(({ topic }) => topic.startsWith(begin));

      it('counts entries and bytes', async () => {
        expect(journal.usage()).to.deep.equal({ entries: 0, bytes: 0, topics: [], own: [] });
        await say('a', 'b');
        expect(journal.usage().entries).to.equal(2);
        expect(journal.usage().bytes).to.be.at.least(2);
      });

      it('grows with the bytes of events', async () => {
        await say('x');
        const { bytes } = journal.usage();
        await say('x'.repeat(5001));
        expect(journal.usage().bytes).to.be.at.least(2 * bytes + 5000);
      });

      it('counts topics that share their first two tokens together', async () => {
        const topics = [
          'chat.global.a',
          'chat.global.b',
          'chat.global.b.c',
          'chat.local.a',
          'chats',
        ];
        await store({ entries: topics.map((topic) => note('x', topic)) });
        expect(named('chat.global').map(({ entries }) => entries)).to.deep.equal([3]);
        expect(named('chat.local').map(({ entries }) => entries)).to.deep.equal([1]);
        expect(named('chats').map(({ entries }) => entries)).to.deep.equal([1]);
      });

      it('names the ten largest topics, the largest first', async () => {
        const order = [3, 11, 7, 1, 9, 12, 5, 2, 10, 4, 8, 6];
        await store({
          entries: order.map((size) => note('x'.repeat(size * 1000), `topic.t${size}`)),
        });
        const { topics, bytes } = journal.usage();
        expect(topics.map(({ topic }) => topic)).to.deep.equal(
          [12, 11, 10, 9, 8, 7, 6, 5, 4, 3].map((size) => `topic.t${size}`),
        );
        expect(topics.reduce((sum, one) => sum + one.bytes, 0)).to.be.lessThan(bytes);
      });

      it('falls when retention removes entries', async () => {
        journal = await open({ entries: 2 });
        await store({ entries: [note('x'.repeat(5000), 'large.topic')] });
        await say('a');
        expect(named('large')).to.have.length(1);
        await say('b');
        expect(named('large')).to.be.empty;
        const { entries, bytes, topics } = journal.usage();
        expect(entries).to.equal(2);
        expect(bytes).to.be.lessThan(5000);
        expect(topics.map((one) => one.bytes)).to.deep.equal([bytes]);
      });
    });

    describe('topics with a retention of their own', () => ownRetentionContract(make));

    it('behaves like an array of entries and a map of rows, whatever is written', async () => {
      await fc.assert(
        fc.asyncProperty(intendedCalls, fc.integer({ min: 1, max: 7 }), async (calls, limit) => {
          journal = await open();
          const start = journal.head;
          const model = new JournalModel(start.sequence);
          const received: Entry[] = [];
          journal.onAppend((entries) => received.push(...entries));
          for (const call of calls) {
            const transactions: Transaction[] = [];
            const expected: Outcome[] = [];
            for (const intention of call) {
              const transaction = model.transactionOf(intention);
              transactions.push(transaction);
              expected.push(model.commit(transaction));
            }
            expect(await journal.append(transactions)).to.deep.equal(expected);
          }
          const wanted = model.entries.map((entry) => shown({ ...entry, tag: 0 }));
          expect(received.map(shown)).to.deep.equal(wanted);
          for (const [index, at] of [
            start,
            ...received.map((entry) => positionOf(start.epoch, entry)),
          ].entries()) {
            const { entries } = await page(at, limit);
            expect(entries.map(shown)).to.deep.equal(wanted.slice(index, index + limit));
          }
          for (const prefix of ['', 'nodes/', 'state/']) {
            const rows = [...model.rows].filter(([key]) => key.startsWith(prefix));
            expect(await tableOf(journal.rows(prefix))).to.deep.equal(new Map(rows));
          }
          for (const instance of [0, 1, 2].map(instanceOf)) {
            expect(await journal.producer(instance)).to.equal(model.producer(instance));
          }
        }),
      );
    });
  });
}

function firstOf(outcome: Outcome | undefined): number {
  if (outcome?.kind === 'stored') return outcome.first;
  throw new Error(`not stored: ${JSON.stringify(outcome)}`);
}

function pageOf(answer: Page | JournalGap): Page {
  if (answer.kind === 'page') return answer;
  throw new Error(`a gap instead of a page: ${JSON.stringify(answer)}`);
}

function gapOf(answer: Page | JournalGap): JournalGap {
  if (answer.kind === 'gap') return answer;
  throw new Error(`a page instead of a gap: ${JSON.stringify(answer)}`);
}

async function rejects(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => false,
    () => true,
  );
}
