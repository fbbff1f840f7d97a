/** The modes of a data directory: 0700 for its folders and 0600 for its files, with any umask. */
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { JournalError } from '../../server/journal/error.js';
import { openPaths, restrictModes } from '../../server/journal/file/modes.js';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';
import { runKelpied, startKelpied } from '../support/process/kelpied.js';
import { rejectionOf } from '../support/thrown.js';

const octal = (path: string): string => (statSync(path).mode & 0o777).toString(8);

/** Each path below the folder with its mode. */
function modesOf(folder: string): Record<string, string> {
  const inside = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return Object.fromEntries(['', ...inside].map((name) => [name, octal(join(folder, name))]));
}

function expectClosed(folder: string): void {
  const wrong = Object.entries(modesOf(folder)).filter(
    ([name, mode]) => mode !== (statSync(join(folder, name)).isDirectory() ? '700' : '600'),
  );
  expect(wrong).to.deep.equal([]);
}

describe('the modes of a data directory', () => {
  let data: string;
  let umask: number;

  beforeEach(() => {
    umask = process.umask(0);
    data = join(dataFolder(), 'data');
  });
  afterEach(() => {
    process.umask(umask);
    removeDataFolders();
  });

  const args = (...more: string[]) => ['--journal', 'file', '--data', data, '--port', '0', ...more];

  it('are those of its user alone, from its first start on, and after kelpied data compact', async () => {
    const kelpied = await startKelpied(args('--sync', 'interval'));
    // The lock, the format, the data, the readers of the data, and the anchor.
    expect(readdirSync(data)).to.have.lengthOf.at.least(5);
    expectClosed(data);
    expect(await kelpied.stop()).to.equal(0);
    // It makes a copy and puts it in place of the data.
    const { code, errors } = await runKelpied(['data', 'compact', '--data', data]);
    expect(code, errors).to.equal(0);
    expectClosed(data);
  });

  it('are mended at the start, those of other networks too, with a line of the log', async () => {
    const first = await startKelpied(args());
    expect(await first.stop()).to.equal(0);
    const other = join(data, 'networks', 'other');
    mkdirSync(other, { recursive: true });
    mkdirSync(join(data, 'tls'));
    for (const name of ['notes', 'tls/key.pem', 'tls/ca.pem', 'networks/other/notes'])
      writeFileSync(join(data, name), 'x');
    for (const name of Object.keys(modesOf(data))) chmodSync(join(data, name), 0o777);
    for (const name of ['format', 'journal.mdb', 'credentials.mdb', 'notes', 'tls/key.pem'])
      chmodSync(join(data, name), 0o664);
    chmodSync(join(other, 'notes'), 0o644);

    chmodSync(join(data, 'tls/ca.pem'), 0o664);

    const second = await startKelpied(args());
    expect(second.errors()).to.match(
      /"level":"warn".*other users could use the data directory .* had mode 0777 and has 0700, and \d+ more/,
    );
    const modes = modesOf(data);
    expect(modes).to.include({ '': '700', 'journal.mdb': '600', 'credentials.mdb': '600' });
    expect(modes).to.include({ 'networks/other': '700', 'networks/other/notes': '600' });
    expect(modes).to.include({ tls: '700', 'tls/key.pem': '600', 'tls/ca.pem': '644' });
    const open = Object.keys(modes).filter((name) => /[1-7].$|[1-7]$/.test(modes[name] ?? ''));
    // The certificate of the CA is no secret.
    expect(open).to.deep.equal(['tls/ca.pem']);
    expect(await openPaths(data, 10)).to.deep.equal([]);
    expect(await second.stop()).to.equal(0);
  });

  it('do not change where a folder has the files of others: kelpied refuses it', async () => {
    mkdirSync(data, { mode: 0o755 });
    writeFileSync(join(data, 'passwd'), 'of somebody');
    const { code, errors } = await runKelpied(args());
    expect(errors).to.match(/has other files in it \(passwd\).*Name a directory for kelpied alone/);
    expect(code).to.equal(1);
    expect(modesOf(data)).to.deep.equal({ '': '755', passwd: '666' });
    // The advice helps.
    chmodSync(data, 0o700);
    await restrictModes(data);
  });

  describe('of another user', () => {
    const denied = (): Promise<never> =>
      Promise.reject(Object.assign(new Error('not the owner'), { code: 'EPERM' }));

    it('cause a warning, and nothing in the directory changes', async () => {
      mkdirSync(data);
      writeFileSync(join(data, 'format'), 'x');
      chmodSync(data, 0o770);
      const warnings: string[] = [];
      await restrictModes(data, (message) => warnings.push(message), denied);
      expect(warnings).to.have.length(1);
      expect(warnings[0]).to.match(/data \(mode 0770\).*another user.* chmod 0700/);
      expect(modesOf(data)).to.deep.equal({ '': '770', format: '666' });
    });

    it('are refused if every user may write to the directory', async () => {
      mkdirSync(data);
      chmodSync(data, 0o777);
      const error = await rejectionOf(JournalError, restrictModes(data, undefined, denied));
      expect(error.message).to.match(/Every user .* may write .*\(chown\)/);
    });

    it('of single files cause a warning each', async () => {
      mkdirSync(data, { mode: 0o700 });
      writeFileSync(join(data, 'format'), 'x');
      const warnings: string[] = [];
      const but = (path: string, mode: number) => (path === data ? chmod(path, mode) : denied());
      await restrictModes(data, (message) => warnings.push(message), but);
      expect(warnings).to.have.length(1);
      expect(warnings[0]).to.match(/format \(mode 0666\).* chmod 0600/);
    });
  });

  it('are listed for the operator, up to a limit', async () => {
    mkdirSync(data, { mode: 0o750 });
    for (let number = 0; number < 9; number++) writeFileSync(join(data, `file-${number}`), 'x');
    const found = await openPaths(data, 5);
    expect(found).to.have.length(5);
    expect(found.slice(0, 2)).to.deep.equal([
      { path: data, mode: 0o750, wantedMode: 0o700 },
      { path: join(data, 'file-0'), mode: 0o666, wantedMode: 0o600 },
    ]);
  });
});
