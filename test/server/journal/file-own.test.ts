/** Topics with a retention of their own, in a journal that is closed, killed, damaged, or opened with other settings. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { checkData } from '../../../server/journal/file/check.js';
import { infoData } from '../../../server/journal/file/data.js';
import type { FileJournal } from '../../../server/journal/file/file-journal.js';
import { LmdbStore } from '../../../server/journal/file/lmdb.js';
import type { Change } from '../../../server/journal/file/store.js';
import type { Page, TopicRetention } from '../../../server/journal/journal.js';
import { JournalError } from '../../../server/journal/error.js';
import { dataFolder, removeDataFolders } from '../../support/process/data-folder.js';
import { note, textsOf } from '../../support/journal/entries.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { everything, openFile, ProbeStore } from '../../support/journal/file-journals.js';
import { rejectionOf } from '../../support/thrown.js';

describe('topics with a retention of their own, in a file', () => {
  let folder: string;
  let clock: FakeClock;
  let store: ProbeStore | undefined;

  beforeEach(() => {
    folder = dataFolder();
    clock = new FakeClock();
  });
  afterEach(removeDataFolders);

  const open = (topics: TopicRetention[], more = {}): Promise<FileJournal> =>
    openFile(folder, {
      clock,
      retention: { ...everything, ...more, topics },
      openStore: (options) => (store = new ProbeStore(options)),
    });
  const say = (journal: FileJournal, topic: string, ...texts: string[]) =>
    journal.append([{ entries: texts.map((text) => note(text, topic)) }]);
  const page = async (journal: FileJournal): Promise<Page> => {
    const answer = await journal.read(journal.oldest, 100_000);
    if (answer.kind === 'page') return answer;
    throw new Error(answer.reason);
  };
  const findings = async () => (await checkData(folder)).findings;
  const chat = { prefix: 'chat', entries: 2 };

  /** Fills a journal with entries of `chat` and `shop`; the last two of `chat` are left. */
  const fill = async (): Promise<number> => {
    const journal = await open([chat]);
    const start = journal.oldest.sequence;
    for (const text of ['1', '2', '3', '4', '5']) {
      await say(journal, 'chat.a', text);
      await say(journal, 'shop', text);
    }
    await journal.close();
    return start;
  };
  const change = async (...changes: Change[]): Promise<void> => {
    const lmdb = new LmdbStore({ folder, unsynced: false });
    await lmdb.commit(changes);
    await lmdb.close();
  };

  it('are the same after a restart, and go on', async () => {
    await fill();
    const journal = await open([chat]);
    const before = await page(journal);
    expect(textsOf(before)).to.deep.equal(['1', '2', '3', '4', '4', '5', '5']);
    expect(before.missing.map(({ prefix }) => prefix)).to.deep.equal(['chat']);
    await say(journal, 'chat.b', '6');
    expect(textsOf(await page(journal))).to.deep.equal(['1', '2', '3', '4', '5', '5', '6']);
    expect(journal.usage().own[0]?.entries).to.equal(2);
    expect(journal.usage().entries).to.equal(7);
    await journal.close();
    expect(await findings()).to.deep.equal([]);
    const info = await infoData(folder);
    expect(info.topics).to.deep.equal([{ prefix: 'chat', goneUpTo: journal.oldest.sequence + 7 }]);
    expect(info.oldest?.sequence).to.equal(journal.oldest.sequence + 2);
  });

  it('that the settings newly name are counted once, and lose the entries over their limit', async () => {
    const first = await open([]);
    for (let call = 0; call < 30; call++) {
      await say(first, 'chat', ...Array.from({ length: 50 }, () => 'x'));
      await say(first, 'shop', 'y');
    }
    await first.close();
    const second = await open([{ prefix: 'chat', entries: 100 }]);
    expect(second.usage().own[0]?.entries).to.equal(1500);
    while ((second.usage().own[0]?.entries ?? 0) > 100) await say(second, 'shop', 'z');
    expect(textsOf(await page(second)).filter((text) => text === 'x')).to.have.length(100);
    await second.close();
    const third = await open([{ prefix: 'chat', entries: 100 }]);
    expect(store?.reads.log, 'it is not counted again').to.be.below(10);
    await third.close();
    expect(await findings()).to.deep.equal([]);
  });

  it('that the settings no longer name keep their holes until the log begins after these', async () => {
    await fill();
    const second = await open([]);
    await say(second, 'chat.a', '6', '7', '8');
    expect(textsOf(await page(second)).slice(-3)).to.deep.equal(['6', '7', '8']);
    expect((await page(second)).missing.map(({ prefix }) => prefix)).to.deep.equal(['chat']);
    expect(second.usage().own).to.be.empty;
    await second.close();
    expect(await findings()).to.deep.equal([]);
    // The setting again: the entries that came meanwhile are counted.
    const third = await open([{ prefix: 'chat', entries: 4 }], { entries: 4 });
    expect(third.usage().own[0]?.entries).to.equal(5);
    await say(third, 'shop', 'new');
    expect(textsOf(await page(third))).to.deep.equal(['6', '7', '8', 'new']);
    expect((await page(third)).missing).to.be.empty;
    await third.close();
    const fourth = await open([]);
    await fourth.close();
    expect((await infoData(folder)).topics, 'the hole is before the log').to.be.empty;
    expect(await findings()).to.deep.equal([]);
  });

  it('lose entries in the same commit that records the loss, or not at all', async () => {
    await fill();
    const journal = await open([chat]);
    const before = await page(journal);
    const usage = journal.usage();
    if (!store) throw new Error('no store was opened');
    store.beforeCommit = () => Promise.reject(new Error('Input/output error'));
    await rejectionOf(JournalError, say(journal, 'chat', '6', '7'));
    expect(await page(journal)).to.deep.equal(before);
    expect(journal.usage()).to.deep.equal(usage);
    await journal.close();
    const next = await open([chat]);
    expect(textsOf(await page(next))).to.deep.equal(textsOf(before));
    await next.close();
    expect(await findings()).to.deep.equal([]);
  });

  it('have no holes in a new epoch', async () => {
    const retention = { ...everything, topics: [chat] };
    const interval = { clock, retention, sync: 'interval' } as const;
    const journal = await openFile(folder, { ...interval, bootId: 'before' });
    await say(journal, 'chat', '1', '2', '3', '4');
    const { head } = journal;
    const copy = dataFolder();
    // The files of a process that did not close the journal when the power failed.
    for (const name of ['journal.mdb', 'format', 'interval']) {
      copyFileSync(join(folder, name), join(copy, name));
    }
    await journal.close();
    const next = await openFile(copy, { ...interval, bootId: 'after' });
    expect(next.head.epoch).to.not.deep.equal(head.epoch);
    expect(next.usage()).to.deep.include({
      entries: 0,
      own: [{ limits: chat, entries: 0, bytes: 0 }],
    });
    await say(next, 'chat', '5', '6');
    expect(await page(next)).to.deep.include({ missing: [] });
    expect(textsOf(await page(next))).to.deep.equal(['5', '6']);
    await next.close();
    expect((await checkData(copy)).findings).to.deep.equal([]);
  });

  it('are found among other topics with a bounded number of reads for each append', async () => {
    const rare = { prefix: 'rare', entries: 1 };
    const journal = await open([rare]);
    await say(journal, 'rare', 'first');
    for (let call = 0; call < 20; call++) {
      await say(journal, 'shop', ...Array.from({ length: 500 }, () => 'x'));
    }
    await say(journal, 'rare', 'second');
    let most = 0;
    let calls = 0;
    if (!store) throw new Error('no store was opened');
    do {
      const before = store.reads.log;
      await say(journal, 'rare', 'next');
      most = Math.max(most, store.reads.log - before);
      calls += 1;
    } while (journal.usage().own[0]?.entries !== 1);
    expect(calls, 'it lags behind for a while').to.be.within(2, 100);
    expect(most).to.be.below(2 * 256 + 10);
    await journal.close();
    expect(await findings()).to.deep.equal([]);
  });

  it('do not hide damage: neither beside the holes nor among them', async () => {
    const start = await fill();
    // Retention removed 1, 3 and 5. Entry 2 lies among these, entry 8 after them.
    await change({ space: 'log', key: start + 8, value: null });
    expect(await findings()).to.include(`entry ${start + 8} is missing`);
    const journal = await open([chat]);
    const error = await rejectionOf(JournalError, page(journal));
    expect(error.code).to.equal('DAMAGED');
    expect(error.message).to.include(`entry ${start + 8}`);
    await journal.close();
  });

  it('do not hide another missing entry among the holes', async () => {
    const start = await fill();
    await change({ space: 'log', key: start + 4, value: null });
    expect((await findings()).join()).to.include('the stored count of entries and bytes');
  });

  it('may come new to a journal of the older format, which has no holes', async () => {
    const first = await open([]);
    await say(first, 'chat', '1', '2', '3');
    await first.close();
    writeFileSync(join(folder, 'format'), 'kelpie journal 1\n');
    const next = await open([chat]);
    await say(next, 'chat', '4');
    expect(textsOf(await page(next))).to.deep.equal(['3', '4']);
    await next.close();
    expect(readFileSync(join(folder, 'format'), 'utf8')).to.equal('kelpie journal 2\n');
  });
});
