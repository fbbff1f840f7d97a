/** `kelpie context`, with files that people damaged, linked or change at the same time. */
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { runKelpie } from '../support/process/cli.js';

const NOWHERE = '127.0.0.1:1';

describe('kelpie context', () => {
  let config: string;
  let file: string;

  beforeEach(() => {
    config = mkdtempSync(join(tmpdir(), 'kelpie-config-'));
    mkdirSync(join(config, 'kelpie'), { mode: 0o700 });
    file = join(config, 'kelpie', 'contexts.yaml');
  });
  afterEach(() => rmSync(config, { recursive: true }));

  const context = (...args: string[]) =>
    runKelpie(['context', ...args], undefined, { XDG_CONFIG_HOME: config });
  const add = async (name: string) => {
    const { code, errors } = await context('add', name, '--endpoint', NOWHERE);
    expect(code, errors).to.equal(0);
  };

  it('shows no token of a file that is no YAML: only the line and the column', async () => {
    const entry = 'contexts:\n  a:\n    endpoint: 127.0.0.1:1\n    token: ';
    for (const [token, place] of [
      ['"SECRET-TOKEN', /line 5 has no valid YAML at column 1;/],
      ['SECRET: TOKEN', /line 4 has no valid YAML at column 12;/],
      ['!evil "SECRET"', /line 4 has no valid YAML at column 12;/],
      ['!SECRET', /line 4 has no valid YAML at column 12;/],
      ['*SECRET', /line 4 has an alias at column 12;/],
      ['{{ SECRET }}', /a\.token is no text;/],
    ] as const) {
      writeFileSync(file, `${entry}${token}\n`, { mode: 0o600 });
      const { code, output, errors } = await context('list');
      expect(errors).to.match(place).and.not.include('SECRET').and.not.include('Warning');
      expect([code, output, errors.trimEnd().split('\n').length]).to.deep.equal([2, '', 1]);
    }
  });

  it('keeps every context that processes add at the same time', async () => {
    const names = ['c1', 'c2', 'c3', 'c4', 'c5'];
    await Promise.all(names.map(add));
    const { output } = await context('list', '--json');
    const found = output.split('\n').map((line) => (JSON.parse(line) as { name: string }).name);
    expect(found.sort()).to.deep.equal(names);
    expect(readdirSync(join(config, 'kelpie'))).to.deep.equal(['contexts.yaml']);
  });

  it('names the lock that another process left', async () => {
    writeFileSync(`${file}.lock`, '');
    const { code, errors } = await context('add', 'a', '--endpoint', NOWHERE);
    expect(errors).to.match(
      /another kelpie holds .*contexts\.yaml\.lock; if none is running.*rm '/,
    );
    expect(code).to.equal(2);
  });

  it('writes to the file that a link names, and keeps the link', async () => {
    const real = join(config, 'real.yaml');
    writeFileSync(real, 'contexts: {}\n', { mode: 0o600 });
    symlinkSync('../real.yaml', file);
    await add('a');
    expect(lstatSync(file).isSymbolicLink()).to.equal(true);
    expect(readFileSync(real, 'utf8')).to.include(`endpoint: ${NOWHERE}`);
    rmSync(real);
    const { code, errors } = await context('add', 'b', '--endpoint', NOWHERE);
    expect(errors).to.include('is a link to a file that does not exist; remove the link');
    expect(code).to.equal(2);
  });

  it('reports a directory in the place of the file', async () => {
    mkdirSync(file);
    for (const args of [['list'], ['add', 'a', '--endpoint', NOWHERE]]) {
      const { code, errors } = await context(...args);
      expect(errors).to.include('contexts.yaml is no file of contexts; move it to another place');
      expect([code, errors.trimEnd().split('\n').length]).to.deep.equal([2, 1]);
    }
    expect(readdirSync(join(config, 'kelpie'))).to.deep.equal(['contexts.yaml']);
  });

  it('uses the added one if the one that was used is gone', async () => {
    writeFileSync(file, 'current: gone\ncontexts: {}\n', { mode: 0o600 });
    expect((await context('show')).errors).to.include('there is no context "gone"');
    const added = await context('add', 'a', '--endpoint', NOWHERE);
    expect(added.output).to.equal(`Context a is ${NOWHERE}, and is used.`);
    expect((await context('show')).output).to.match(/^a .* yes$/m);
    writeFileSync(file, readFileSync(file, 'utf8').replace('current: a', 'current: gone'));
    expect((await context('use', 'a')).code).to.equal(0);
    expect((await context('show')).code).to.equal(0);
  });
});
