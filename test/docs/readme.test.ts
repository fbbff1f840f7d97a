/** The README's commands, outputs and programs are run as they stand there. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { Document, expectShown, masked, start } from './document.js';

const readme = new Document('README.md');

describe('the README', () => {
  let kelpied: Kelpied;
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kelpie-readme-'));
    kelpied = await startKelpied([], folder);
  });
  after(async () => {
    await kelpied.stop();
    await rm(folder, { recursive: true });
  });

  it('shows what kelpied says when it starts', () => {
    expect(masked(kelpied.output())).to.equal(masked(readme.block('text', 'listens on')));
  });

  it('has a server and a proxy in ten lines, and a shell, that do what it shows', async () => {
    const env = { KELPIE_ENDPOINTS: kelpied.endpoint };
    const [lobby = '', gate = ''] = readme.blocks('js');
    const server = start(lobby, env);
    await server.prints(/^<lobby-1> lobby-1 is open\n\[ 'lobby-1' \]\n$/);
    await expectShown(readme.commands('npx kelpie'), 2, env);
    const proxy = start(gate, env);
    await proxy.prints(/^lobby-1\n$/);
    expect(await Promise.all([server.stop(), proxy.stop()])).to.deep.equal([0, 0]);
    // Each command is a process of its own.
  }).timeout(60_000);
});
