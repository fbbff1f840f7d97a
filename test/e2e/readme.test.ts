/** The README's commands, outputs and settings are those of the programs. */
import { exec, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { expect } from 'chai';
import { keyOf, settingNames, settings, variableOf } from '../../server/ops/config/settings.js';
import { Telemetry } from '../../server/ops/telemetry.js';
import { type Kelpied, startDev, startKelpied } from '../support/process/kelpied.js';

/** The compiled file lies one folder deeper, in dist. */
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const readme = readFileSync(`${ROOT}README.md`, 'utf8');

/** The fenced blocks of a language, in order. */
function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map(
    ([, text = '']) => text,
  );
}

/** The commands of console blocks that begin with such a line, and what they print. */
function commandsOf(wanted: (block: string) => boolean): { command: string; output: string }[] {
  return blocks('console')
    .filter((block) => block.startsWith('$ npx') && wanted(block))
    .join('')
    .split(/^\$ /m)
    .filter((text) => text !== '')
    .map((text) => {
      const [command = '', ...output] = text.split('\n');
      return { command, output: output.join('\n') };
    });
}

/** What differs from run to run: times, random ids, tags, sequences, sizes and the port. */
function masked(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replaceAll(/[A-Za-z0-9+/]{22}==|\b[0-9a-f]{32}\b/g, '<id>')
    .replaceAll(/"tag": \d+/g, '"tag": <tag>')
    .replaceAll(/\b\d{16}\b/g, '<sequence>')
    .replaceAll(/127\.0\.0\.1:(?!19132)\d+/g, '127.0.0.1:<port>')
    .replaceAll(/\d+(\.\d)? ([KM]i)?B\b/g, '<size>')
    .replaceAll(/\d+ (rows|entries)|(?<=^entries +)\d+/gm, '<count>')
    .replaceAll(/\d+\.\d ms/g, '<duration>')
    .replaceAll(/up \d+ (s|min)( \d+ s)?/g, 'up <duration>')
    .replaceAll(/(?<=^NODE +BEHIND .*\n).+/gm, '<session>')
    .replaceAll(/KELPIE_ENDPOINTS=\S+ /g, '')
    .replaceAll(/^npm warn .*\n/gm, '')
    .trimEnd();
}

/** Both streams, as a terminal shows them; buf writes errors to the other one. */
async function run(command: string, env: NodeJS.ProcessEnv): Promise<string> {
  const options = { cwd: ROOT, env: { ...process.env, ...env } };
  const { stdout, stderr } = await promisify(exec)(command, options).catch(
    (error: unknown) => error as { stdout: string; stderr: string },
  );
  return stdout + stderr;
}

/** A program of the README, run in the repository, where `kelpie` is this package. */
function start(program: string, env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  return {
    prints: async (pattern: RegExp): Promise<string> => {
      while (!pattern.test(printed)) await once(child.stdout, 'data');
      return printed;
    },
    stop: async (): Promise<void> => {
      if (child.exitCode !== null) return;
      const gone = once(child, 'exit');
      child.kill();
      await gone;
    },
  };
}

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
    expect(masked(kelpied.output())).to.equal(masked(blocks('text')[0] ?? ''));
  });

  it('has ten lines that join the network, and a session in the shell that is true', async () => {
    const [program = ''] = blocks('js');
    const env = { KELPIE_ENDPOINTS: kelpied.endpoint };
    const lobby = start(program, env);
    await lobby.prints(/<lobby-1> lobby-1 is open/);
    await lobby.prints(/\[ 'lobby-1' \]/);
    const session = commandsOf((command) => !command.startsWith('$ npx kelpied'));
    expect(session.length).to.be.greaterThan(6);
    for (const { command, output } of session) {
      const real = await run(command.replaceAll('127.0.0.1:50051', kelpied.endpoint), env);
      expect(masked(real), command).to.equal(masked(output));
    }
    await lobby.stop();
    // Each command is a process of its own.
  }).timeout(60_000);

  it('shows what kelpied says of a data directory that nobody uses', async () => {
    const own = await mkdtemp(join(folder, 'own-'));
    const used = await startKelpied([], own);
    const env = { KELPIE_ENDPOINTS: used.endpoint, KELPIE_DATA: `${own}/data` };
    await run('npx kelpie publish chat.global hello', env);
    await used.stop();
    const shown = commandsOf((command) => command.startsWith('$ npx kelpied data'));
    expect(shown).to.have.length(3);
    for (const { command, output } of shown) {
      const real = (await run(command, env)).replaceAll(own, '/srv/kelpie');
      expect(masked(real), command).to.equal(masked(output));
    }
  });

  it('has a proxy with players, and commands that are done', async () => {
    const [lobby = '', proxy = '', commands = ''] = blocks('js');
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
    const [, , , program = ''] = blocks('js');
    const proxy = start(program.replace('port: 50051', `port: 0, data: '${folder}/proxy'`), {});
    expect(await proxy.prints(/\n/)).to.match(/^servers connect to 127\.0\.0\.1:\d+\n$/);
    await proxy.stop();
  });

  it('shows the line of JSON that --dev prints', async () => {
    const dev = await startDev();
    const shown = blocks('text')[1]?.replace('$ npx kelpied --dev\n', '') ?? '';
    const kinds = (line: string) =>
      Object.entries(JSON.parse(line) as object).map(([name, value]) => [
        name,
        masked(String(value)).replace(/^\d+$/, '<pid>'),
      ]);
    expect(kinds(shown)).to.deep.equal(kinds(dev.output()));
    await dev.stop();
  });

  it('names what does the verbs of others, and all of it is in the contract', () => {
    const rows = table('there').filter(([, here = '']) => here !== '');
    expect(rows.length).to.be.greaterThan(30);
    const known = contractNames();
    for (const [there = '', here = ''] of rows) {
      const names = [...here.matchAll(/`([A-Z]\w+(?:\.[A-Z]\w+)?)/g)].map(([, name = '']) => name);
      const unknown = names.filter((name) => !known.has(name) && name !== 'Payload');
      expect(unknown, there).to.deep.equal([]);
      expect(names.length > 0 || /not yet|kelpie/.test(here), there).to.equal(true);
    }
  });

  it('lists every setting with its variable, default and meaning', () => {
    const real = settingNames.map((name) => [
      `\`--${keyOf(name)}\``,
      `\`${variableOf(name)}\``,
      `\`${settings[name].default}\``,
      settings[name].meaning,
    ]);
    expect(table('flag')).to.deep.equal(real);
  });

  it('lists every metric with its type, labels and meaning', () => {
    const { registry } = new Telemetry();
    const metrics = registry.getMetricsAsArray() as unknown as {
      name: string;
      type: string;
      labelNames?: string[];
      help: string;
    }[];
    const real = metrics
      .filter(({ name }) => name.startsWith('kelpie_'))
      .map(({ name, type, labelNames = [], help }) => [
        `\`${name}\``,
        type,
        labelNames.map((label) => `\`${label}\``).join(', '),
        help,
      ]);
    expect(real.length).to.be.greaterThan(10);
    expect(table('metric')).to.deep.equal(real);
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

/** The rows of the table whose first column has this name. */
function table(column: string): string[][] {
  const [, rows = ''] =
    new RegExp(`^\\| ${column} .*\n\\|[-| ]+\n((?:\\|.*\n)+)`, 'm').exec(readme) ?? [];
  return rows
    .trimEnd()
    .split('\n')
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}
