/** The README's commands, outputs and programs are run as they stand there. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { expect } from 'chai';
import { type Kelpied, startDev, startKelpied } from '../support/process/kelpied.js';
import { Document, masked, run, start } from './document.js';
import { ROOT } from './prose.js';

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

  it('has ten lines that join the network, and a session in the shell that is true', async () => {
    const [program = ''] = readme.blocks('js');
    const env = { KELPIE_ENDPOINTS: kelpied.endpoint };
    const lobby = start(program, env);
    await lobby.prints(/<lobby-1> lobby-1 is open/);
    await lobby.prints(/\[ 'lobby-1' \]/);
    const session = readme.commands('npx ');
    expect(session.length).to.be.greaterThan(5);
    for (const { command, output } of session) {
      const real = await run(command.replaceAll('127.0.0.1:50051', kelpied.endpoint), env);
      expect(masked(real), command).to.equal(masked(output));
    }
    await lobby.stop();
    // Each command is a process of its own.
  }).timeout(60_000);

  it('has a proxy with players, and commands that are done', async () => {
    const [lobby = '', proxy = '', commands = ''] = readme.blocks('js');
    const env = { KELPIE_ENDPOINTS: kelpied.endpoint };
    const server = start(lobby, env);
    await server.prints(/\[ 'lobby-1' \]/);
    const gate = start(proxy, env);
    expect(await gate.prints(/on lobby-1\n.* on lobby-1\n/)).to.match(
      /^come in\nSteve is on lobby-1\n\d on lobby-1\n$/,
    );
    const arena = start(commands, env);
    await arena.prints(/arena-1/);
    expect(await arena.prints(/\]\n/)).to.equal("slot 7\narena-1 [ 'ran save-all' ]\n");
    await Promise.all([server, gate, arena].map((one) => one.stop()));
  });

  it('has a proxy that carries its coordinator', async () => {
    const [, , , program = ''] = readme.blocks('js');
    const proxy = start(program.replace('port: 50051', `port: 0, data: '${folder}/proxy'`), {});
    expect(await proxy.prints(/\n/)).to.match(/^servers connect to 127\.0\.0\.1:\d+\n$/);
    await proxy.stop();
  });

  it('shows the line of JSON that --dev prints', async () => {
    const dev = await startDev();
    const shown = readme.block('text', '--dev').replace('$ npx kelpied --dev\n', '');
    const kinds = (line: string) =>
      Object.entries(JSON.parse(line) as object).map(([name, value]) => [
        name,
        masked(String(value)).replace(/^\d+$/, '<pid>'),
      ]);
    expect(kinds(shown)).to.deep.equal(kinds(dev.output()));
    await dev.stop();
  });

  it('names what does the verbs of others, and all of it is in the contract', () => {
    const rows = readme.table('there').filter(([, here = '']) => here !== '');
    expect(rows.length).to.be.greaterThan(30);
    const known = contractNames();
    for (const [there = '', here = ''] of rows) {
      const names = [...here.matchAll(/`([A-Z]\w+(?:\.[A-Z]\w+)?)/g)].map(([, name = '']) => name);
      const unknown = names.filter((name) => !known.has(name) && name !== 'Payload');
      expect(unknown, there).to.deep.equal([]);
      expect(names.length > 0 || /not yet|kelpie/.test(here), there).to.equal(true);
    }
  });
});

/** Every name of the contract: messages, and methods as `PlayerService.GetPlayer`. */
function contractNames(): Set<string> {
  const bytes = readFileSync(`${ROOT}gen/kelpie.binpb`);
  const { file } = fromBinary(FileDescriptorSetSchema, bytes);
  const messages = file.flatMap(({ messageType }) => messageType.map(({ name }) => name));
  const methods = file.flatMap(({ service }) =>
    service.flatMap(({ name, method }) => method.map((one) => `${name}.${one.name}`)),
  );
  return new Set([...messages, ...methods]);
}
