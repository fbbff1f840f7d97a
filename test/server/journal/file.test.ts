import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { hex } from '../../../server/core/cursor.js';
import { Anchor } from '../../../server/journal/file/anchor.js';
import { checkData } from '../../../server/journal/file/check.js';
import { FileJournal } from '../../../server/journal/file/file-journal.js';
import { fileFault } from '../../../server/journal/file/folder.js';
import { LmdbStore } from '../../../server/journal/file/lmdb.js';
import type { Entry, Journal, Transaction } from '../../../server/journal/journal.js';
import { JournalError } from '../../../server/journal/error.js';
import { journalContract } from '../../contract/journal.js';
import { dataFolder, removeDataFolders } from '../../support/process/data-folder.js';
import { deferred } from '../../support/deferred.js';
import { note, tableOf, textsOf, write } from '../../support/journal/entries.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import {
  everything,
  openFile,
  ProbeStore,
  startWriter,
} from '../../support/journal/file-journals.js';
import { instanceOf } from '../../support/journal/journal-model.js';
import { rejectionOf } from '../../support/thrown.js';
import { until } from '../../support/until.js';

const DAY_MS = 24 * 60 * 60 * 1000;
const YEAR_MS = 365 * DAY_MS;
const DATA = 'journal.mdb';

for (const sync of ['commit', 'interval'] as const) {
  describe(`with sync ${sync}`, () => {
    afterEach(removeDataFolders);
    journalContract('file', (options) =>
      FileJournal.open({ folder: dataFolder(), sync, ...options }),
    );
  });
}

describe('the journal in a file', () => {
  let folder: string;
  let clock: FakeClock;

  beforeEach(() => {
    folder = dataFolder();
    clock = new FakeClock();
  });

  afterEach(removeDataFolders);

  const say = (journal: Journal, ...texts: string[]) =>
    journal.append([{ entries: texts.map((text) => note(text)) }]);

  /** All entries of the journal. */
  const all = async (journal: Journal): Promise<Entry[]> => {
    const entries: Entry[] = [];
    let at = journal.oldest;
    for (;;) {
      const answer = await journal.read(at, 1000);
      if (answer.kind === 'gap') throw new Error(answer.reason);
      if (answer.entries.length === 0) return entries;
      entries.push(...answer.entries);
      at = answer.upTo;
    }
  };

  const probed = async (
    more: object = {},
  ): Promise<{ journal: FileJournal; store: ProbeStore }> => {
    let store: ProbeStore | undefined;
    const journal = await openFile(folder, {
      clock,
      openStore: (options) => (store = new ProbeStore(options)),
      ...more,
    });
    if (!store) throw new Error('no store was opened');
    return { journal, store };
  };

  const codeOf = async (promise: Promise<unknown>): Promise<string> =>
    (await rejectionOf(JournalError, promise)).code;

  describe('after a restart', () => {
    for (const sync of ['commit', 'interval'] as const) {
      it(`has the same content as before, with sync ${sync}`, async () => {
        const retention = { ...everything, entries: 5 };
        const first = await openFile(folder, { clock, retention, sync });
        for (const text of ['a', 'b', 'c', 'd', 'e']) {
          await say(first, text);
          clock.advance(60_000);
        }
        const instance = instanceOf(1);
        await first.append([
          { entries: [write('nodes/a', '1'), write('nodes/b', '1')] },
          { producer: { instance, previous: 4, last: 9 }, entries: [note('x', 'a.b.c')] },
          { entries: [write('nodes/b', null)] },
        ]);
        const look = async (journal: Journal) => ({
          head: { ...journal.head, epoch: hex(journal.head.epoch) },
          oldest: { ...journal.oldest, epoch: hex(journal.oldest.epoch) },
          usage: journal.usage(),
          rows: await tableOf(journal.rows('')),
          producer: await journal.producer(instance),
          since: (await journal.since(0)).sequence,
          entries: (await all(journal)).map(({ event, key, ...entry }) => ({
            ...entry,
            key,
            text: event.toString(),
          })),
        });
        const before = await look(first);
        await first.close();
        const second = await openFile(folder, { clock, retention, sync });
        expect(await look(second)).to.deep.equal(before);
        const [outcome] = await say(second, 'next');
        expect(outcome).to.deep.equal({ kind: 'stored', first: before.head.sequence + 1 });
        expect(second.usage().entries).to.equal(5);
        await second.close();
      });
    }

    it('judges transactions by the stored rows and producers', async () => {
      const first = await openFile(folder, { clock });
      const instance = instanceOf(1);
      await first.append([
        { producer: { instance, previous: 0, last: 2 }, entries: [write('nodes/a', '1')] },
      ]);
      const sequence = first.head.sequence;
      await first.close();
      const second = await openFile(folder, { clock });
      const refused: Transaction[] = [
        { require: [{ key: 'nodes/a', sequence: 0 }], entries: [note('no')] },
        { producer: { instance, previous: 0, last: 2 }, entries: [note('no')] },
      ];
      expect(await second.append(refused)).to.deep.equal([
        { kind: 'conflict', key: 'nodes/a', actual: sequence },
        { kind: 'producerAt', sequence: 2 },
      ]);
      await second.close();
    });

    it('ages producers by the time that the journal was open, whatever the calendar says', async () => {
      const instance = instanceOf(1);
      const first = await openFile(folder, { clock });
      const producer = { instance, previous: 0, last: 1 };
      await first.append([{ producer, entries: [] }]);
      clock.advance(DAY_MS / 2);
      await say(first, 'time goes by');
      await first.close();
      const later = new FakeClock();
      later.setWall(clock.wall() + YEAR_MS);
      const second = await openFile(folder, { clock: later });
      later.advance(DAY_MS / 2 - 1);
      expect(await second.producer(instance)).to.equal(1);
      later.advance(1);
      expect(await second.producer(instance)).to.equal(undefined);
      const anew = { instance, previous: 70, last: 71 };
      const [outcome] = await second.append([{ producer: anew, entries: [] }]);
      expect(outcome?.kind).to.equal('stored');
      await second.close();
    });

    it('forgets the producer that wrote least recently when there are more than 100,000', async () => {
      const first = await openFile(folder, { clock });
      const move = (id: number, previous = 0): Transaction => ({
        producer: { instance: instanceOf(id), previous, last: previous + 1 },
        entries: [],
      });
      const many = Array.from({ length: 100_000 }, (_, id) => move(id));
      await first.append(many);
      await first.append([move(0, 1)]);
      await first.close();
      const second = await openFile(folder, { clock });
      await second.append([move(100_000)]);
      const found = [0, 1, 2, 100_000].map((id) => second.producer(instanceOf(id)));
      expect(await Promise.all(found)).to.deep.equal([2, undefined, 1, 1]);
      await second.close();
    });

    it('goes on in its epoch when the calendar clock was set a year back or forward', async () => {
      const first = await openFile(folder, { clock });
      await say(first, 'a');
      const start = first.oldest;
      await first.close();
      for (const years of [-1, 2, -1]) {
        clock.setWall(clock.wall() + years * YEAR_MS);
        const again = await openFile(folder, { clock });
        const before = again.head.sequence;
        await say(again, `${years}`);
        expect(again.head.sequence).to.equal(before + 1);
        expect(again.head.epoch).to.deep.equal(start.epoch);
        // The journal leaves out no young entry. It promises no more if the calendar clock jumps.
        const answer = await again.read(await again.since(1000), 10);
        expect(answer.kind === 'page' && textsOf(answer).at(-1)).to.equal(`${years}`);
        expect((await again.read(start, 10)).kind).to.equal('page');
        await again.close();
      }
    });

    it('gives all entries that are young enough, also if the calendar clock ran back', async () => {
      const journal = await openFile(folder, { clock });
      await say(journal, 'from a time to come');
      clock.setWall(clock.wall() - 10 * 60_000);
      for (const text of ['b', 'c']) await say(journal, text);
      clock.advance(5 * 60_000);
      const answer = await journal.read(await journal.since(60_000), 10);
      expect(answer.kind === 'page' && textsOf(answer)[0]).to.equal('from a time to come');
      await journal.close();
    });

    it('has read the table and the ends of the log, but not the history', async () => {
      const first = await openFile(folder, { clock });
      for (let call = 0; call < 200; call++) {
        const entries = Array.from({ length: 1000 }, () => note('x'));
        await first.append([{ entries }]);
      }
      await first.append([{ entries: ['a', 'b', 'c'].map((one) => write(one, '1')) }]);
      expect(first.usage().entries).to.equal(200_003);
      await first.close();
      const { journal, store } = await probed();
      expect(store.reads.table).to.equal(3);
      expect(store.reads.log).to.be.at.most(4);
      expect(store.reads.meta).to.be.at.most(20);
      expect(journal.usage().entries).to.equal(200_003);
      await journal.close();
    });
  });

  describe('a process that is killed', () => {
    for (const sync of ['commit', 'interval'] as const) {
      it(`loses no acknowledged entry, and the journal keeps its epoch, with sync ${sync}`, async () => {
        let epoch: string | undefined;
        const promised: number[] = [];
        for (let round = 0; round < 5; round++) {
          const writer = startWriter(folder, sync);
          const opened = await writer.opened;
          expect((epoch ??= opened)).to.equal(opened);
          await writer.acknowledged(200 + 100 * round);
          promised.push(...(await writer.kill()));
        }
        expect(promised.length).to.be.at.least(2000);
        const journal = await openFile(folder, { clock, sync });
        expect(hex(journal.head.epoch)).to.equal(epoch);
        const entries = await all(journal);
        const stored = entries.map(({ sequence }) => sequence);
        const first = journal.oldest.sequence + 1;
        expect(stored).to.deep.equal(stored.map((_, index) => first + index));
        expect(promised.filter((one) => one < first || one > journal.head.sequence)).to.be.empty;
        // Each transaction has two entries; the second one writes the row.
        expect(stored.length % 2).to.equal(0);
        const rows = await tableOf(journal.rows(''));
        expect(rows.get('nodes/a')?.sequence).to.equal(journal.head.sequence);
        expect(journal.usage().entries).to.equal(stored.length);
        await journal.close();
      });
    }

    it('leaves the directory to the next process, and to none before its end', async () => {
      const writer = startWriter(folder);
      await writer.opened;
      const refusal = await rejectionOf(JournalError, openFile(folder));
      expect(refusal.code).to.equal('IN_USE');
      expect(refusal.message).to.include(folder).and.include('another process');
      await writer.acknowledged(10);
      // A process that is stopped or busy still holds the lock.
      writer.process.kill('SIGSTOP');
      expect(await codeOf(openFile(folder))).to.equal('IN_USE');
      await writer.kill();
      const journal = await openFile(folder);
      expect(await codeOf(openFile(folder))).to.equal('IN_USE');
      await journal.close();
      await (await openFile(folder)).close();
    });

    it('leaves the directory to exactly one of many processes that find it dead at once', async () => {
      const writer = startWriter(folder);
      await writer.opened;
      await writer.kill();
      for (let round = 0; round < 10; round++) {
        const attempts = await Promise.allSettled(
          Array.from({ length: 8 }, () => openFile(folder)),
        );
        const inside = attempts.filter((one) => one.status === 'fulfilled');
        expect(inside).to.have.length(1);
        for (const { value } of inside) await value.close();
      }
      expect(readdirSync(folder).filter((name) => name.startsWith('lock.'))).to.be.empty;
    });

    it('may have used a data directory whose path is longer than the path of a socket may be', async () => {
      const long = join(folder, 'd'.repeat(100), 'e'.repeat(100));
      mkdirSync(join(long, '..'));
      const journal = await openFile(long);
      expect(await codeOf(openFile(long))).to.equal('IN_USE');
      await say(journal, 'a');
      await journal.close();
      const again = await openFile(long);
      expect(textsOf({ entries: await all(again) })).to.deep.equal(['a']);
      await again.close();
    });
  });

  describe('a power cut', () => {
    const [before, after] = ['7e1f…', '93ab…'];

    /** The files that a machine would find on its disk if it stopped now. */
    const cut = (): string => {
      const copy = dataFolder();
      for (const name of [DATA, 'format', 'interval']) {
        if (existsSync(join(folder, name))) copyFileSync(join(folder, name), join(copy, name));
      }
      return copy;
    };

    it('with sync interval loses unsynced entries, and the next start begins a new epoch', async () => {
      const { journal, store } = await probed({ sync: 'interval', bootId: before });
      const first = journal.oldest;
      await journal.append([{ entries: [note('synced'), write('nodes/a', 'synced')] }]);
      let syncs = 0;
      store.beforeSync = async () => void (syncs += 1);
      clock.advance(50);
      await until(() => syncs === 1);
      const { sequence } = journal.head;
      await until(() =>
        readFileSync(join(folder, 'interval'), 'utf8').includes(`${sequence + 2 ** 24}`),
      );
      store.beforeSync = () => Promise.reject(new Error('the power is gone'));
      await journal.append([{ entries: [note('lost'), write('nodes/a', 'lost')] }]);
      const lost = journal.head;

      clock.setWall(clock.wall() - YEAR_MS);
      const copy = cut();
      const next = await openFile(copy, { clock, sync: 'interval', bootId: after });
      expect(next.head.epoch).to.not.deep.equal(lost.epoch);
      expect(next.head.sequence).to.be.greaterThan(lost.sequence);
      const rows = await tableOf(next.rows(''));
      expect(rows.get('nodes/a')?.value).to.equal('synced');
      for (const cursor of [first, lost]) {
        const answer = await next.read(cursor, 10);
        expect(answer.kind === 'gap' && answer.reason).to.equal('EPOCH_CHANGED');
      }
      expect(await all(next)).to.be.empty;
      expect(next.usage()).to.deep.equal({ entries: 0, bytes: 0, topics: [], own: [] });
      await say(next, 'goes on');
      expect(textsOf({ entries: await all(next) })).to.deep.equal(['goes on']);
      await next.close();
      // The entries of the former epoch, which no reader can read, are removed.
      const left = new LmdbStore({ folder: copy, unsynced: false });
      expect(left.range('log', 0, undefined, 10)).to.have.length(1);
      await left.close();
      await journal.close().catch(() => undefined);
    });

    it('with sync interval keeps all synced entries, whatever was written after the sync', async () => {
      const retention = { ...everything, entries: 100 };
      const options = { retention, sync: 'interval', bootId: before } as const;
      const { journal, store } = await probed(options);
      const churn = async (calls: number): Promise<void> => {
        for (let call = 0; call < calls; call++) {
          const rows = [1, 2, 3].map((one) => write(`nodes/${(call * one) % 40}`, 'y'.repeat(500)));
          await journal.append([{ entries: [note('x'.repeat(1000)), ...rows] }]);
        }
      };
      await churn(100);
      const begun = deferred<undefined>();
      store.beforeSync = async () => begun.resolve(undefined);
      clock.advance(50);
      await begun.promise;
      const { sequence } = journal.head;
      const gate = deferred<undefined>();
      await until(() =>
        readFileSync(join(folder, 'interval'), 'utf8').includes(`${sequence + 2 ** 24}`),
      );
      store.beforeSync = () => gate.promise;
      clock.advance(50);
      await churn(300);

      const copy = cut();
      const left = await new Anchor(copy, join(copy, DATA), after).restore();
      expect(left).to.deep.equal({ powerCut: true, ceiling: sequence + 2 ** 24 });
      rmSync(join(copy, 'interval'));
      expect(await checkData(copy)).to.deep.include({ entries: 100, findings: [] });
      const found = await openFile(copy, { clock });
      expect(found.head.sequence).to.equal(sequence);
      await found.close();
      gate.resolve(undefined);
      await journal.close();
    });

    it('loses nothing that was acknowledged during a sync and synced at the next interval', async () => {
      const { journal, store } = await probed({ sync: 'interval', bootId: before });
      const gates = [deferred<undefined>(), deferred<undefined>()];
      let begun = 0;
      store.beforeSync = () => gates[begun++]?.promise ?? Promise.resolve();
      await say(journal, 'a');
      clock.advance(50);
      await until(() => begun === 1);
      await say(journal, 'b');
      clock.advance(500);
      expect(begun).to.equal(1);
      gates[0]?.resolve(undefined);
      await until(() => clock.pending > 0);
      clock.advance(50);
      await until(() => begun === 2);
      gates[1]?.resolve(undefined);
      await journal.close();
      expect(clock.pending).to.equal(0);
    });

    it('with sync interval loses nothing while the kernel runs on', async () => {
      const { journal, store } = await probed({ sync: 'interval', bootId: before });
      store.beforeSync = () => Promise.reject(new Error('killed before that'));
      await say(journal, 'a');
      const { head } = journal;
      for (const sync of ['interval', 'commit'] as const) {
        const next = await openFile(cut(), { clock, sync, bootId: before });
        expect(next.head).to.deep.equal(head);
        expect(textsOf({ entries: await all(next) })).to.deep.equal(['a']);
        await next.close();
      }
      await journal.close().catch(() => undefined);
    });

    it('makes a new epoch also if the next start has sync commit, and only one', async () => {
      const { journal, store } = await probed({ sync: 'interval', bootId: before });
      store.beforeSync = () => Promise.reject(new Error('the power is gone'));
      await say(journal, 'lost');
      const copy = cut();
      const next = await openFile(copy, { clock, bootId: after });
      const { head } = next;
      expect(head.epoch).to.not.deep.equal(journal.head.epoch);
      await next.close();
      const third = await openFile(copy, { clock, bootId: 'c0de…' });
      expect(third.head).to.deep.equal(head);
      await third.close();
      await journal.close().catch(() => undefined);
    });

    it('does not change the age of producers', async () => {
      const { journal } = await probed({ sync: 'interval', bootId: before });
      clock.advance(DAY_MS / 2);
      const instance = instanceOf(1);
      await journal.append([{ producer: { instance, previous: 0, last: 1 }, entries: [] }]);
      await journal.close();
      const killed = await openFile(folder, { clock, sync: 'interval', bootId: before });
      const later = new FakeClock();
      const next = await openFile(cut(), { clock: later, sync: 'interval', bootId: after });
      expect(next.head.epoch).to.not.deep.equal(killed.head.epoch);
      expect(await next.producer(instance)).to.equal(1);
      later.advance(DAY_MS);
      expect(await next.producer(instance)).to.equal(undefined);
      await next.close();
      await killed.close();
    });

    it('after the journal was closed changes nothing', async () => {
      const journal = await openFile(folder, { clock, sync: 'interval', bootId: before });
      await say(journal, 'a');
      const { head } = journal;
      await journal.close();
      const next = await openFile(folder, { clock, sync: 'interval', bootId: after });
      expect(next.head).to.deep.equal(head);
      await next.close();
    });

    it('with sync commit changes no epoch', async () => {
      const journal = await openFile(folder, { clock, bootId: before });
      await say(journal, 'a');
      const next = await openFile(cut(), { clock, bootId: after });
      expect(next.head).to.deep.equal(journal.head);
      await next.close();
      await journal.close();
    });
  });

  describe('a commit that fails', () => {
    const full = (): Promise<never> =>
      Promise.reject(new JournalError('DISK_FULL', 'The disk is full. Make room.'));

    it('fails all later decisions, and ends writing; reads still work', async () => {
      const faults: JournalError[] = [];
      const onFault = (error: JournalError) => faults.push(error);
      const { journal, store } = await probed({ onFault });
      const received: string[] = [];
      journal.onAppend((entries) => received.push(...textsOf({ entries })));
      await journal.append([{ entries: [note('a'), write('nodes/a', '1')] }]);
      const { head } = journal;
      const usage = journal.usage();

      let fail = (): void => undefined;
      const begun = new Promise<void>((resolve) => {
        store.beforeCommit = () =>
          new Promise((_, reject) => {
            fail = () => reject(new JournalError('DISK_FULL', 'The disk is full. Make room.'));
            resolve();
          });
      });
      const instance = instanceOf(1);
      const producer = { instance, previous: 0, last: 1 };
      const first = journal.append([{ producer, entries: [write('nodes/a', '2')] }]);
      await begun;
      const dependent = [
        journal.append([{ entries: [note('on top')] }]),
        journal.append([{ require: [{ key: 'nodes/a', sequence: 1 }], entries: [note('no')] }]),
        journal.append([{ producer, entries: [note('a repeat')] }]),
      ];
      fail();
      for (const one of [first, ...dependent]) expect(await codeOf(one)).to.equal('READ_ONLY');
      const later = await rejectionOf(JournalError, say(journal, 'later'));
      expect(later.code).to.equal('READ_ONLY');
      expect(later.message).to.include('The disk is full. Make room.');

      expect(faults.map(({ code }) => code)).to.deep.equal(['DISK_FULL']);
      expect(journal.head).to.deep.equal(head);
      expect(journal.usage()).to.deep.equal(usage);
      expect(received).to.deep.equal(['a', 'nodes/a = 1']);
      expect(textsOf({ entries: await all(journal) })).to.deep.equal(received);
      expect((await tableOf(journal.rows(''))).get('nodes/a')?.value).to.equal('1');
      expect(await journal.producer(instance)).to.equal(undefined);
      await journal.close();
      const next = await openFile(folder);
      expect(next.head).to.deep.equal(head);
      await next.close();
    });

    it('follows from a full disk, and the next start has all acknowledged entries', async () => {
      // A limit of the shell makes lmdb's write fail as a full disk does. Only root could fill a disk.
      const writer = startWriter(folder, 'commit', 2000);
      await writer.opened;
      expect(await writer.failed)
        .to.include('READ_ONLY')
        .and.include(`The disk of ${folder}`);
      const promised = await writer.kill();
      expect(promised.length).to.be.at.least(100);
      const journal = await openFile(folder, { clock });
      const numbers = (await all(journal)).map(({ sequence }) => sequence);
      expect(numbers).to.include.members(promised);
      expect(numbers).to.have.length(journal.head.sequence - journal.oldest.sequence);
      await say(journal, 'goes on');
      await journal.close();
      expect((await checkData(folder)).findings).to.deep.equal([]);
    });

    it('has a message that says if the disk is full, whatever error lmdb reports', () => {
      for (const code of ['ENOSPC', 'EDQUOT']) {
        const error = fileFault(new Error(`${code}: no space left on device, write`), folder);
        expect(error.code).to.equal('DISK_FULL');
        expect(error.message).to.include(folder).and.include('Make room');
      }
      expect(fileFault(new Error('Input/output error'), folder).code).to.equal('IO');
    });

    it('comes before any outcome that rests on it', async () => {
      const { journal, store } = await probed();
      const begun = deferred<undefined>();
      const go = deferred<undefined>();
      store.beforeCommit = () => {
        begun.resolve(undefined);
        return go.promise;
      };
      const instance = instanceOf(1);
      const producer = { instance, previous: 0, last: 1 };
      const start = journal.head;
      const settled: string[] = [];
      const calls = [
        [{ producer, entries: [write('nodes/a', '1')] }],
        [{ producer, entries: [note('a repeat')] }],
        [{ require: [{ key: 'nodes/a', sequence: 0 }], entries: [note('a conflict')] }],
      ].map((call) => journal.append(call).then(([one]) => settled.push(one?.kind ?? '')));
      await begun.promise;
      const after = journal.append([{ producer, entries: [] }]).then(() => settled.push('after'));
      for (let turn = 0; turn < 10; turn++) await new Promise((done) => setImmediate(done));
      expect(settled).to.be.empty;
      expect(journal.head).to.deep.equal(start);
      expect(await tableOf(journal.rows(''))).to.be.empty;
      expect(await journal.producer(instance)).to.equal(undefined);
      expect(await all(journal)).to.be.empty;
      go.resolve(undefined);
      await Promise.all([...calls, after]);
      expect(settled).to.deep.equal(['stored', 'producerAt', 'conflict', 'after']);
      await journal.close();
    });

    it('ends writing like a sync that fails, with sync interval', async () => {
      const fault = deferred<JournalError>();
      const { journal, store } = await probed({ sync: 'interval', onFault: fault.resolve });
      store.beforeSync = full;
      await say(journal, 'a');
      clock.advance(50);
      expect((await fault.promise).code).to.equal('DISK_FULL');
      expect(await codeOf(say(journal, 'b'))).to.equal('READ_ONLY');
      expect(textsOf({ entries: await all(journal) })).to.deep.equal(['a']);
      await journal.close();
    });

    it('is not caused by an entry that is too large or that comes after the close: both are refused', async () => {
      const { journal } = await probed();
      for (const entry of [
        { ...note('x'), topic: 'x'.repeat(70_000) },
        { ...note('x'), key: '', value: null },
        write('k'.repeat(2000), '1'),
      ]) {
        await rejectionOf(RangeError, journal.append([{ entries: [entry] }]));
      }
      await say(journal, 'a');
      await journal.close();
      expect(await codeOf(say(journal, 'b'))).to.equal('CLOSED');
    });
  });

  describe('damage', () => {
    /**
     * Writes and closes a journal, and flips one bit of each copy of `text` in its file. Resolves with the position
     * before the first entry.
     */
    const flipped = async (text: string): Promise<number> => {
      const journal = await openFile(folder, { clock });
      const start = journal.oldest.sequence;
      for (const one of ['the first', 'the middle', 'the last']) await say(journal, one);
      await journal.append([{ entries: [write('nodes/a', 'what is in the row')] }]);
      await say(journal, 'the end');
      await journal.close();
      const path = join(folder, DATA);
      const bytes = readFileSync(path);
      // Free pages may hold former copies of the text.
      let found = 0;
      for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) {
        bytes[at] = bytes.readUInt8(at) ^ 4;
        found += 1;
      }
      expect(found).to.be.at.least(1);
      writeFileSync(path, bytes);
      return start;
    };

    for (const [text, number] of [
      ['the first', 1],
      ['the end', 5],
    ] as const) {
      it(`at an end of the log is reported at the start, with the entry: a bit of ${text}`, async () => {
        const start = await flipped(text);
        const { code, message } = await rejectionOf(JournalError, openFile(folder, { clock }));
        expect(code).to.equal('DAMAGED');
        expect(message).to.include(`entry ${start + number}`);
      });
    }

    for (const [text, number] of [
      ['the middle', 2],
      ['the last', 3],
    ] as const) {
      it(`in the history is reported to the reader, with the entry, not skipped: a bit of ${text}`, async () => {
        const start = await flipped(text);
        const journal = await openFile(folder, { clock });
        const error = await rejectionOf(JournalError, all(journal));
        expect(error.code).to.equal('DAMAGED');
        expect(error.message).to.include(`entry ${start + number}`);
        await journal.close();
      });
    }

    it('in the table is reported at the start, with the row', async () => {
      await flipped('what is in the row');
      const error = await rejectionOf(JournalError, openFile(folder));
      expect(error.code).to.equal('DAMAGED');
      expect(error.message).to.include('row nodes/a');
      // The refused start has released the lock.
      expect(await codeOf(openFile(folder))).to.equal('DAMAGED');
    });

    it('by a missing entry is reported at the start, or when a reader comes to it', async () => {
      const journal = await openFile(folder, { clock });
      const start = journal.oldest.sequence;
      await say(journal, ...Array.from({ length: 600 }, () => 'x'));
      await journal.close();
      for (const [missing, where] of [
        [1, 'start'],
        [600, 'start'],
        [2, 'read'],
        [256, 'read'],
        [257, 'read'],
        [599, 'read'],
      ] as const) {
        const copy = dataFolder();
        for (const name of [DATA, 'format']) copyFileSync(join(folder, name), join(copy, name));
        const store = new LmdbStore({ folder: copy, unsynced: false });
        await store.commit([{ space: 'log', key: start + missing, value: null }]);
        await store.close();
        const opening = openFile(copy, { clock });
        if (where === 'start') {
          expect(await codeOf(opening)).to.equal('DAMAGED');
          continue;
        }
        const opened = await opening;
        const error = await rejectionOf(JournalError, all(opened));
        expect(error.message).to.include(`entry ${start + missing} `);
        await opened.close();
      }
    });

    it('ends writing when retention comes to it', async () => {
      await flipped('the middle');
      const retention = { ...everything, entries: 4 };
      const journal = await openFile(folder, { clock, retention });
      const error = await rejectionOf(JournalError, say(journal, 'one more'));
      expect(error.code).to.equal('READ_ONLY');
      expect((error.cause as JournalError).code).to.equal('DAMAGED');
      await journal.close();
    });

    it('of a file that lost its end is reported, however much is lost', async () => {
      const journal = await openFile(folder, { clock });
      for (let call = 0; call < 20; call++) {
        await say(journal, ...Array.from({ length: 100 }, () => 'x'.repeat(100)));
      }
      await journal.append([{ entries: [write('nodes/a', 'y'.repeat(10_000))] }]);
      await journal.close();
      const whole = readFileSync(join(folder, DATA));
      for (const part of [0, 0.01, 0.3, 0.6, 0.9]) {
        const copy = dataFolder();
        copyFileSync(join(folder, 'format'), join(copy, 'format'));
        writeFileSync(join(copy, DATA), whole);
        truncateSync(join(copy, DATA), Math.floor(whole.length * part));
        const look = async (): Promise<void> => {
          const opened = await openFile(copy, { clock });
          try {
            await all(opened);
            await tableOf(opened.rows(''));
          } finally {
            await opened.close();
          }
        };
        expect(await codeOf(look()), `${part}`).to.equal('DAMAGED');
        // The refused start leaves the file as it was.
        await until(() => statSync(join(copy, DATA)).size === Math.floor(whole.length * part));
      }
    });

    it('of a file without any journal in it is reported', async () => {
      await (await openFile(folder)).close();
      writeFileSync(join(folder, DATA), 'nothing that was ever a journal'.repeat(1000));
      expect(await codeOf(openFile(folder))).to.equal('DAMAGED');
      writeFileSync(join(folder, 'format'), 'whatever');
      expect(await codeOf(openFile(folder))).to.equal('DAMAGED');
    });

    it('is reported for data without a format, and for a broken anchor', async () => {
      await (await openFile(folder)).close();
      writeFileSync(join(folder, 'interval'), '12345 {}\n');
      expect(await codeOf(openFile(folder))).to.equal('DAMAGED');
      rmSync(join(folder, 'interval'));
      rmSync(join(folder, 'format'));
      expect(await codeOf(openFile(folder))).to.equal('DAMAGED');
    });

    it('is reported for a format without data', async () => {
      await (await openFile(folder)).close();
      rmSync(join(folder, DATA));
      expect(await codeOf(openFile(folder))).to.equal('DAMAGED');
    });
  });

  describe('a data directory', () => {
    it('is created if it is missing', async () => {
      const journal = await openFile(join(folder, 'data'));
      expect(existsSync(join(folder, 'data', DATA))).to.equal(true);
      await journal.close();
    });

    for (const [what, prepare, says] of [
      ['whose parent is missing', () => join(folder, 'a', 'b'), 'parent directory is missing'],
      ['where no directory can be made', () => '/proc/kelpie', 'takes no new directory'],
      [
        'that is a file',
        () => {
          writeFileSync(join(folder, 'file'), '');
          return join(folder, 'file');
        },
        'is not a directory',
      ],
      [
        'under a file',
        () => {
          writeFileSync(join(folder, 'file'), '');
          return join(folder, 'file', 'data');
        },
        'is a file',
      ],
      [
        'that leads nowhere',
        () => {
          symlinkSync(join(folder, 'gone'), join(folder, 'link'));
          return join(folder, 'link');
        },
        'link',
      ],
      // A folder to which root may not write either.
      ['that cannot be written', () => '/proc/self/fdinfo', '/proc/self/fdinfo'],
    ] as const) {
      it(`${what} is refused, with what to do`, async () => {
        const path = prepare();
        const error = await rejectionOf(JournalError, openFile(path));
        expect(error.code).to.equal('FOLDER');
        expect(error.message).to.include(path).and.include(says);
      });
    }

    it('whose first start was interrupted is created anew', async () => {
      writeFileSync(join(folder, 'format'), 'kelpie journal 1 is being made\n');
      writeFileSync(join(folder, DATA), 'half a header');
      const journal = await openFile(folder);
      await say(journal, 'a');
      await journal.close();
      const again = await openFile(folder);
      expect(textsOf({ entries: await all(again) })).to.deep.equal(['a']);
      await again.close();
    });

    it('of a newer format is refused, and left alone', async () => {
      await (await openFile(folder)).close();
      writeFileSync(join(folder, 'format'), 'kelpie journal 3\n');
      const before = readFileSync(join(folder, DATA));
      const error = await rejectionOf(JournalError, openFile(folder));
      expect(error.code).to.equal('FORMAT');
      expect(error.message).to.include('format 3').and.include('newer');
      expect(readFileSync(join(folder, DATA)).equals(before)).to.equal(true);
    });
  });

  it('reports its durability', async () => {
    const commit = await openFile(dataFolder());
    const interval = await openFile(dataFolder(), { sync: 'interval' });
    expect([commit.durability, interval.durability]).to.deep.equal(['POWER_LOSS', 'PROCESS_CRASH']);
    await Promise.all([commit.close(), interval.close()]);
  });

  it('removes entries that grew old while it was closed in pieces', async () => {
    const first = await openFile(folder, { clock });
    for (let call = 0; call < 25; call++) {
      await say(first, ...Array.from({ length: 1000 }, () => 'x'));
    }
    await first.close();
    clock.advance(DAY_MS);
    const retention = { ...everything, ageMs: DAY_MS / 2 };
    const journal = await openFile(folder, { clock, retention });
    const sizes: number[] = [];
    for (let call = 0; call < 3; call++) {
      await say(journal, 'new');
      sizes.push(journal.usage().entries);
      expect(await all(journal)).to.have.length(journal.usage().entries);
    }
    expect(sizes).to.deep.equal([15_001, 5002, 3]);
    await journal.close();
  });

  it('reads old entries from the disk for retention, and keeps none of them in memory', async () => {
    const { journal, store } = await probed({ retention: { ...everything, entries: 1000 } });
    for (let call = 0; call < 100; call++) {
      await say(journal, ...Array.from({ length: 100 }, () => 'x'));
    }
    expect(journal.usage().entries).to.equal(1000);
    // The journal read each removed entry from the disk, except the first ones, which the disk did not show yet.
    expect(store.reads.log).to.be.within(8900, 10_000);
    await journal.close();
  });

  it('stays right while it removes far more entries than it keeps', async () => {
    const retention = { ...everything, entries: 1000 };
    const journal = await openFile(folder, { clock, retention });
    for (let call = 0; call < 40; call++) {
      const texts = Array.from({ length: 97 }, (_, index) => `${call}/${index}`);
      await Promise.all([say(journal, ...texts), say(journal, 'one more')]);
      const kept = textsOf({ entries: await all(journal) });
      expect(kept.slice(-98)).to.deep.equal([...texts, 'one more']);
      expect(kept).to.have.length(Math.min(1000, 98 * (call + 1)));
      expect(journal.usage().entries).to.equal(kept.length);
    }
    await journal.close();
  });
});
