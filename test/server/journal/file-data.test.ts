/** The operations of an operator on a data directory that is not in use. */
import { copyFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { hex } from '../../../server/core/cursor.js';
import { checkData } from '../../../server/journal/file/check.js';
import { compactData, infoData } from '../../../server/journal/file/data.js';
import { LmdbStore } from '../../../server/journal/file/lmdb.js';
import { encodeRow } from '../../../server/journal/file/record.js';
import type { Change } from '../../../server/journal/file/store.js';
import { JournalError } from '../../../server/journal/error.js';
import { dataFolder, removeDataFolders } from '../../support/process/data-folder.js';
import { note, tableOf, textsOf, write } from '../../support/journal/entries.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { everything, openFile, startWriter } from '../../support/journal/file-journals.js';
import { instanceOf } from '../../support/journal/journal-model.js';
import { rejectionOf } from '../../support/thrown.js';

const DATA = 'journal.mdb';

describe('a data directory that is not in use', () => {
  let folder: string;
  let clock: FakeClock;
  /** The position before the first entry of the journal. */
  let start: number;

  beforeEach(async () => {
    folder = dataFolder();
    clock = new FakeClock();
    const journal = await openFile(folder, { clock });
    start = journal.oldest.sequence;
    await journal.append([{ entries: [note('one'), write('nodes/a', 'a value')] }]);
    clock.advance(60_000);
    const producer = { instance: instanceOf(1), previous: 0, last: 7 };
    await journal.append([{ producer, entries: [note('three'), write('nodes/b', '1')] }]);
    await journal.append([{ entries: [write('nodes/b', null)] }]);
    await journal.close();
  });

  afterEach(removeDataFolders);

  /** Changes records without the journal. */
  const tamper = async (...changes: Change[]): Promise<void> => {
    const store = new LmdbStore({ folder, unsynced: false });
    await store.commit(changes);
    await store.close();
  };

  const flip = (text: string): void => {
    const path = join(folder, DATA);
    const bytes = readFileSync(path);
    for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) {
      bytes[at] = bytes.readUInt8(at) ^ 1;
    }
    writeFileSync(path, bytes);
  };

  describe('info', () => {
    it('shows the content of the directory', async () => {
      const journal = await openFile(folder, { clock });
      const { head } = journal;
      const { bytes } = journal.usage();
      await journal.close();
      const atMs = clock.wall();
      expect(await infoData(folder)).to.deep.equal({
        format: 2,
        epoch: hex(head.epoch),
        entries: 5,
        bytes,
        fileBytes: statSync(join(folder, DATA)).size,
        oldest: { sequence: start + 1, atMs: atMs - 60_000 },
        newest: { sequence: start + 5, atMs },
        topics: [],
      });
    });

    it('shows no ends of the log if there are no entries', async () => {
      const empty = dataFolder();
      await (await openFile(empty)).close();
      const info = await infoData(empty);
      expect(info.entries).to.equal(0);
      expect(info).to.not.have.any.keys('oldest', 'newest');
    });

    it('is refused for a folder that is not a data directory, and creates nothing there', async () => {
      const empty = dataFolder();
      for (const path of [empty, join(empty, 'missing')]) {
        const error = await rejectionOf(JournalError, infoData(path));
        expect(error.code).to.equal('FOLDER');
        expect(error.message).to.include(path);
      }
      expect(existsSync(join(empty, DATA))).to.equal(false);
      expect(existsSync(join(empty, 'missing'))).to.equal(false);
    });

    it('is refused while a coordinator uses the directory, and after one that left unsynced writes', async () => {
      const used = dataFolder();
      const writer = startWriter(used, 'interval');
      await writer.opened;
      expect((await rejectionOf(JournalError, infoData(used))).code).to.equal('IN_USE');
      await writer.kill();
      const error = await rejectionOf(JournalError, infoData(used));
      expect(error.message).to.include('sync: interval').and.include('Start it and stop it');
      await (await openFile(used)).close();
      expect((await infoData(used)).format).to.equal(2);
    });
  });

  describe('check', () => {
    const findings = async (): Promise<readonly string[]> => (await checkData(folder)).findings;

    it('finds no fault in a whole directory, and reports its progress', async () => {
      const steps: string[] = [];
      const check = await checkData(folder, (done, of) => steps.push(`${done} of ${of}`));
      expect(check).to.deep.equal({ entries: 5, rows: 1, findings: [], faults: 0 });
      expect(steps).to.deep.equal(['5 of 5']);
    });

    it('finds no fault after many writes and removals', async () => {
      const retention = { ...everything, entries: 500 };
      const journal = await openFile(folder, { clock, retention });
      for (let call = 0; call < 50; call++) {
        const entries = Array.from({ length: 50 }, (_, index) =>
          write(`nodes/${(call * 7 + index) % 90}`, index % 3 === 0 ? null : `${call}`),
        );
        await journal.append([{ entries }]);
      }
      await journal.close();
      const { entries, findings: found } = await checkData(folder);
      expect(found).to.deep.equal([]);
      expect(entries).to.equal(500);
    });

    it('finds an entry with a flipped bit, and a missing entry', async () => {
      flip('one');
      expect(await findings()).to.deep.equal([`entry ${start + 1} is damaged`]);
      await tamper({ space: 'log', key: start + 3, value: null });
      expect(await findings()).to.deep.equal([
        `entry ${start + 1} is damaged`,
        `entry ${start + 3} is missing`,
      ]);
    });

    it('finds an entry in the place of another, and an entry after the end of the log', async () => {
      const store = new LmdbStore({ folder, unsynced: false });
      const value = store.get('log', start + 1) ?? null;
      await store.close();
      await tamper(
        { space: 'log', key: start + 2, value },
        { space: 'log', key: start + 9, value },
      );
      expect(await findings()).to.include.members([
        `entry ${start + 2} is damaged`,
        `entry ${start + 9} lies after the end of the log`,
      ]);
    });

    it('finds a row that is damaged, missing, superfluous, or of another entry', async () => {
      const a = Buffer.from('nodes/a');
      const b = Buffer.from('nodes/b');
      const row = (key: Buffer, sequence: number): Change => ({
        space: 'table',
        key,
        value: encodeRow(key, sequence, Buffer.from('x')),
      });
      await tamper({ space: 'table', key: a, value: null });
      expect(await findings()).to.deep.equal([
        `row nodes/a, which entry ${start + 2} wrote, is missing`,
      ]);
      await tamper(row(a, start + 1), row(b, start + 4));
      expect(await findings()).to.deep.equal([
        `row nodes/a names entry ${start + 1} as its writer; the log differs`,
        `row nodes/b names entry ${start + 4} as its writer; the log differs`,
      ]);
      await tamper({ space: 'table', key: a, value: encodeRow(b, start + 2, Buffer.from('x')) });
      expect(await findings()).to.include('row nodes/a is damaged');
    });

    it('finds counts that differ from the log, and a damaged producer', async () => {
      const key = Buffer.from('topics/chat.global');
      await tamper(
        { space: 'meta', key, value: null },
        { space: 'producers', key: instanceOf(1), value: Buffer.from('no number') },
      );
      expect(await findings()).to.deep.equal([
        'the stored count of chat.global differs from the log',
        `the number of producer ${hex(instanceOf(1))} is damaged`,
      ]);
    });

    it('finds a damaged record of the ends of the log, and then nothing else', async () => {
      await tamper({ space: 'meta', key: Buffer.from('state'), value: Buffer.from('nonsense') });
      expect(await findings()).to.deep.equal(['the record of the ends of the log is damaged']);
      await tamper({ space: 'meta', key: Buffer.from('state'), value: null });
      expect(await findings()).to.deep.equal(['the record of the ends of the log is missing']);
    });
  });

  describe('compact', () => {
    /** Makes a file in which most pages are free. */
    const fill = async (): Promise<void> => {
      const retention = { ...everything, entries: 100 };
      const journal = await openFile(folder, { clock, retention: everything });
      for (let call = 0; call < 20; call++) {
        const entries = Array.from({ length: 100 }, () => note('x'.repeat(1000)));
        await journal.append([{ entries }]);
      }
      await journal.close();
      const trimmed = await openFile(folder, { clock, retention });
      await trimmed.append([{ entries: [note('newest')] }]);
      await trimmed.close();
    };

    it('makes the file smaller, and keeps the whole journal', async () => {
      await fill();
      const look = async () => {
        const journal = await openFile(folder, { clock });
        const answer = await journal.read(journal.oldest, 1000);
        const { head, oldest } = journal;
        const texts = answer.kind === 'page' ? textsOf(answer) : [];
        const rows = await tableOf(journal.rows(''));
        const producer = await journal.producer(instanceOf(1));
        await journal.close();
        return { head, oldest, usage: journal.usage(), texts, rows, producer };
      };
      const before = await look();
      const steps: string[] = [];
      const { beforeBytes, afterBytes } = await compactData(folder, (step) => steps.push(step));
      expect(steps).to.deep.equal(['copying', 'swapping']);
      expect(afterBytes).to.be.lessThan(beforeBytes / 4);
      expect(statSync(join(folder, DATA)).size).to.equal(afterBytes);
      expect(await look()).to.deep.equal(before);
      expect((await checkData(folder)).findings).to.deep.equal([]);
    });

    it('leaves a whole journal if it is stopped at any step, and the next run cleans up', async () => {
      await fill();
      for (const stop of ['copying', 'swapping'] as const) {
        const killed = dataFolder();
        for (const name of [DATA, 'format']) copyFileSync(join(folder, name), join(killed, name));
        const stopped = compactData(killed, (step) => {
          if (step === stop) throw new Error('stopped here');
        });
        await rejectionOf(JournalError, stopped);
        expect((await checkData(killed)).findings).to.deep.equal([]);
        expect((await checkData(killed)).entries).to.equal(100);
        await compactData(killed);
        expect(existsSync(join(killed, 'journal.copy'))).to.equal(false);
        expect((await checkData(killed)).findings).to.deep.equal([]);
        rmSync(killed, { recursive: true });
      }
    });
  });
});
