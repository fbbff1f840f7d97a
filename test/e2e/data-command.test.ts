/** `kelpied data` on a directory that a real kelpied left, on one that it uses, and on a missing one. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { apiAt } from '../../client/api/index.js';
import { startCoordinator } from '../../server/coordinator.js';
import { FileCredentialStore } from '../../server/journal/file/file-credential-store.js';
import { realClock } from '../support/clock/real-clock.js';
import { runKelpie } from '../support/process/cli.js';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';
import { type Kelpied, runKelpied, startKelpied } from '../support/process/kelpied.js';
import { say, textOf } from '../support/wire/frames.js';
import { Wire } from '../support/wire/wire.js';

const EVENTS = 50;

describe('kelpied data', () => {
  /** The folder in which kelpied runs, and the data directory in it. */
  let folder: string;
  let data: string;

  beforeEach(async () => {
    folder = dataFolder();
    data = join(folder, 'data');
    const kelpied = await startKelpied([], folder);
    const wire = new Wire(kelpied.endpoint);
    const events = Array.from({ length: EVENTS }, (_, index) => say('chat.global', `no. ${index}`));
    await wire.call('EventService.PublishEvents', { events });
    wire.close();
    // Killed, not stopped: the acknowledged events must be there all the same.
    await kelpied.kill();
  });
  afterEach(removeDataFolders);

  const command = (...args: string[]) => runKelpied(['data', ...args], {}, folder);
  const json = async (...args: string[]) => {
    const { code, output, errors } = await command(...args, '--json');
    return { code, errors, found: JSON.parse(output) as Record<string, unknown> };
  };

  /** Changes a bit of an event's text on the disk. */
  const damage = (text: string, file = 'journal.mdb'): void => {
    const path = join(data, file);
    const bytes = readFileSync(path);
    // lmdb may have older copies of a page before the present one.
    for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + text.length))
      bytes[at] = bytes.readUInt8(at) ^ 1;
    writeFileSync(path, bytes);
  };

  describe('info', () => {
    it('shows the content of the directory, for people', async () => {
      const { code, output, errors } = await command('info');
      expect(errors).to.equal('');
      expect(code).to.equal(0);
      const facts = new Map(
        output
          .trimEnd()
          .split('\n')
          .map((line) => line.split(/ {2,}/, 2) as [string, string]),
      );
      expect(facts.get('directory')).to.equal(data);
      expect(facts.get('format')).to.equal('2');
      expect(facts.get('epoch')).to.match(/^[0-9a-f]{32}$/);
      expect(facts.get('entries')).to.match(/^50, \d+\.\d KiB$/);
      expect(facts.get('file')).to.match(/^\d+\.\d KiB$/);
      for (const end of ['oldest', 'newest']) {
        expect(facts.get(end)).to.match(/^\d{16}, of \d{4}-\d\d-\d\dT[\d:.]+Z$/);
      }
    });

    it('shows the content of the directory, for programs', async () => {
      const { code, found } = await json('info');
      expect(code).to.equal(0);
      expect(found).to.include({ directory: data, format: 2, entries: EVENTS });
      const [oldest, newest] = [found['oldest'], found['newest']] as { sequence: number }[];
      expect((newest?.sequence ?? 0) - (oldest?.sequence ?? 0)).to.equal(EVENTS - 1);
    });

    it('takes the directory from the file, a variable or a flag, as kelpied does', async () => {
      writeFileSync(join(folder, 'kelpie.yaml'), 'data: from-file\n');
      expect((await command('info')).errors).to.include(join(folder, 'from-file'));
      const byVariable = await runKelpied(['data', 'info'], { KELPIE_DATA: 'variable' }, folder);
      expect(byVariable.errors).to.include(join(folder, 'variable'));
      expect((await json('info', '--data', 'data')).found).to.include({ directory: data });
    });
  });

  describe('check', () => {
    it('reports that the directory is whole', async () => {
      const { code, output, errors } = await command('check');
      expect(errors).to.equal('');
      expect(code).to.equal(0);
      expect(output).to.equal(
        `${data} is whole: ${EVENTS} entries, 0 rows and 0 credentials are as they were written.\n`,
      );
      expect((await json('check')).found).to.deep.equal({
        ...{ directory: data, entries: EVENTS, rows: 0, credentials: 0, findings: [], faults: 0 },
      });
    });

    it('names the damaged record, says what to do, and ends with 1', async () => {
      const { found: before } = await json('info');
      const { sequence } = before['oldest'] as { sequence: number };
      damage('no. 7');
      const { code, output } = await command('check');
      expect(code).to.equal(1);
      expect(output).to.include(`${data} is damaged: 1 of its records`);
      expect(output).to.include(`\n  entry ${sequence + 7} is damaged\n`);
      expect(output).to.match(/Restore a copy of the directory/);
      const programs = await json('check');
      expect(programs.code).to.equal(1);
      expect(programs.found).to.deep.include({
        ...{ entries: EVENTS - 1, faults: 1, findings: [`entry ${sequence + 7} is damaged`] },
      });
    });
  });

  it('counts the credentials, and finds a damaged one', async () => {
    const store = new FileCredentialStore(data, realClock);
    const changes = ['a', 'b'].map((id) => ({
      id,
      bytes: Buffer.from(`record ${id}`),
      expected: 0,
    }));
    await store.write(changes);
    await store.close();
    expect((await json('info')).found).to.include({ credentials: 2 });
    damage('record b', 'credentials.mdb');
    const { code, found } = await json('check');
    expect(code).to.equal(1);
    expect(found).to.deep.include({
      ...{ credentials: 2, entries: EVENTS, faults: 1, findings: ['credential b is damaged'] },
    });
  });

  it('--network names the journal of another network, which survived a kill of kelpied too', async () => {
    const names = ['main', 'test'];
    const options = { port: 0, data };
    const coordinator = await startCoordinator(options);
    const tokens = await Promise.all(
      names.map((network) => coordinator.createToken({ name: network, network })),
    );
    await coordinator.stop();
    const apis = ({ endpoint }: Kelpied) => tokens.map((token) => apiAt(endpoint, { token }));
    const killed = await startKelpied([], folder);
    for (const [index, api] of apis(killed).entries()) {
      await api.state.put('vault', 'mine', `of ${names[index]}`);
      api.close();
    }
    await killed.kill();
    const kelpied = await startKelpied([], folder);
    expect(kelpied.output()).to.include('(networks main, test, journal in data)');
    for (const [index, api] of apis(kelpied).entries()) {
      expect((await api.state.get('vault', 'mine'))?.value).to.equal(`of ${names[index]}`);
      api.close();
    }
    expect(await kelpied.stop()).to.equal(0);
    const directory = join(data, 'networks', 'test');
    const { output } = await command('check', '--network', 'test');
    expect(output).to.match(new RegExp(`^${directory} is whole: \\d entries and 1 rows are`));
    const { found } = await json('info', '--network', 'test');
    expect(found).to.include({ directory }).and.not.to.have.property('credentials');
  });

  it('compact makes the file smaller, and a coordinator goes on with its whole content', async () => {
    // Retention removes most entries again, which leaves free pages in the file.
    const trimming = ['--retention-entries', '100'];
    let kelpied = await startKelpied(trimming, folder);
    const filling = new Wire(kelpied.endpoint);
    for (let call = 0; call < 20; call++) {
      const events = Array.from({ length: 100 }, () => say('fill', 'x'.repeat(500)));
      await filling.call('EventService.PublishEvents', { events });
    }
    filling.close();
    expect(await kelpied.stop()).to.equal(0);
    const { code, found, errors } = await json('compact');
    expect(code).to.equal(0);
    expect(errors).to.equal('');
    const { beforeBytes, afterBytes } = found as { beforeBytes: number; afterBytes: number };
    expect(afterBytes).to.be.lessThan(beforeBytes / 2);
    const again = await command('compact');
    expect(again.output).to.match(/data took \d+\.\d [KM]iB and takes \d+\.\d [KM]iB now\.\n$/);
    expect((await command('check')).code).to.equal(0);

    kelpied = await startKelpied(trimming, folder);
    const wire = new Wire(kelpied.endpoint);
    const start = { at: 'START_AT_EARLIEST' };
    const { events } = await wire.call('EventService.ReadEvents', { topics: ['fill'], start });
    expect(events.map(textOf)).to.deep.equal(Array.from({ length: 100 }, () => 'x'.repeat(500)));
    wire.close();
    expect(await kelpied.stop()).to.equal(0);
  });

  describe('ends with 1 and says what to do', () => {
    /** Checks that all three actions print this message and nothing else, and end with 1. */
    async function refused(...sentences: (string | RegExp)[]): Promise<void> {
      for (const action of ['info', 'check', 'compact']) {
        const { code, output, errors } = await command(action, '--json');
        for (const sentence of sentences) expect(errors).to.match(new RegExp(sentence));
        expect(errors.trimEnd().split('\n')).to.have.length(1);
        expect(output).to.equal('');
        expect(code).to.equal(1);
      }
    }

    it('while a coordinator uses the directory, and the coordinator goes on', async () => {
      const kelpied: Kelpied = await startKelpied([], folder);
      await refused(`^kelpied: .*${data} is in use by another process`, 'Stop that process');
      const { code } = await runKelpie(['publish', 'chat.global', 'still here'], kelpied.endpoint);
      expect(code).to.equal(0);
      expect(await kelpied.stop()).to.equal(0);
    });

    it('for a format that only a newer version can read', async () => {
      writeFileSync(join(data, 'format'), 'kelpie journal 3\n');
      await refused('is of format 3', 'Start the version that wrote it or a newer one');
    });

    it('for a missing directory, and creates none', async () => {
      folder = join(folder, 'elsewhere');
      mkdirSync(folder);
      await refused(`There is no data directory ${folder}/data. Name the one`);
      mkdirSync(join(folder, 'data'));
      await refused(`${folder}/data contains no journal.*Name the directory`);
    });

    it('for a file that no longer contains a journal', async () => {
      writeFileSync(join(data, 'journal.mdb'), 'x'.repeat(10_000));
      await refused('The journal is damaged: the header of .*restore a copy');
    });
  });

  describe('ends with 2', () => {
    const wrong: [string, string[], RegExp][] = [
      ['without an action', [], /Usage: kelpied data.*info.*check.*compact/s],
      ['for an unknown action', ['chek'], /unknown command 'chek'.*check/s],
      ['for an unknown option', ['info', '--jsn'], /unknown option '--jsn'.*--json/s],
      ['for an argument too many', ['info', 'data'], /too many arguments/],
    ];
    for (const [what, args, sentence] of wrong) {
      it(what, async () => {
        const { code, output, errors } = await command(...args);
        expect(errors).to.match(sentence);
        expect(output).to.equal('');
        expect(code).to.equal(2);
      });
    }
  });
});
