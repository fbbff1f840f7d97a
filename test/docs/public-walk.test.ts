/** server/README.md: its ten commands make a network with TLS, an operator, and nodes that joined, as they stand there. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect } from 'chai';
import { until } from '../support/until.js';
import { Document } from './document.js';
import { ROOT } from './prose.js';

const manual = new Document('server/README.md', 'On a public address');
const tls = new Document('server/README.md', 'TLS');
/** The port of this run stands in for the default one, which a developer's kelpied may have. */
const PORT = 20_000 + (process.pid % 20_000);

/** The commands of the chapter, with their outputs there. */
function walk(): { command: string; output: string }[] {
  return manual.commands('').map(({ command, output }) => ({ command, output: output.trimEnd() }));
}

/** Without what differs from run to run. */
const masked = (text: string): string =>
  text
    .replaceAll(/\d{4}-\d\d-\d\d(T[\d:.]+Z)?/g, '<time>')
    .replaceAll(/\b[0-9a-f]{12}\b/g, '<id>')
    .replaceAll(`:${PORT}`, ':50051')
    .replaceAll(/\/\S*\/(?=contexts\.yaml|alice\.token|data\. )/g, '…/')
    .trimEnd();

describe('the walk to a public address in the manual of operators', () => {
  let folder: string;
  const running: { child: ChildProcess; printed: () => string }[] = [];

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'kelpie-walk-'));
    for (const one of ['bin', 'node_modules']) mkdirSync(join(folder, one));
    symlinkSync(ROOT, join(folder, 'node_modules', 'kelpie'));
    const programs = { kelpied: 'dist/server/main.js', kelpie: 'dist/client/cli/main.js' };
    for (const [name, path] of Object.entries(programs)) {
      chmodSync(join(ROOT, path), 0o755);
      symlinkSync(join(ROOT, path), join(folder, 'bin', name));
    }
    for (const name of ['gate-1.mjs', 'lobby-1.mjs'])
      writeFileSync(join(folder, name), manual.block('js', `// ${name}`));
  });
  after(async () => {
    for (const { child } of running.reverse()) {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      await once(child, 'close');
    }
    rmSync(folder, { recursive: true });
  });

  function start(command: string): () => string {
    const path = `${join(folder, 'bin')}${delimiter}${process.env['PATH'] ?? ''}`;
    const own = { HOME: folder, XDG_CONFIG_HOME: join(folder, '.config'), PATH: path };
    const env = { ...process.env, KELPIE_METRICS_PORT: '0', ...own };
    // Its own process group, so that the shell and its program end together.
    const child = spawn('sh', ['-c', command], { cwd: folder, env, detached: true });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    running.push({ child, printed: () => text });
    return () => text;
  }

  async function run(command: string): Promise<string> {
    const printed = start(command);
    const { child } = running.pop() ?? {};
    const [code] = child ? ((await once(child, 'close')) as [number | null]) : [null];
    expect(code, `${command}\n${printed()}`).to.equal(0);
    return printed();
  }

  it('has certificates as the page shows them', async () => {
    const [{ command, output } = { command: '', output: '' }] = tls.commands('kelpied certs');
    expect(masked(await run(command))).to.equal(masked(output));
    rmSync(join(folder, 'data'), { recursive: true });
  });

  it('goes as it stands there, in at most ten commands', async () => {
    const commands = walk();
    let greeting = '';
    expect(commands.length).to.be.within(9, 10);
    for (const { command, output } of commands) {
      const here = command.replaceAll('127.0.0.2:50051', `127.0.0.2:${PORT}`);
      if (here.startsWith('kelpied --host')) {
        const printed = start(`exec ${here} --port ${PORT}`);
        await until(() => printed().includes('Ctrl+C'));
        greeting = masked(printed());
      } else if (here.includes(' node ')) {
        start(here);
      } else {
        // The nodes join meanwhile.
        while (here === 'kelpie nodes' && !/gate-1.*lobby-1/s.test(await run(here)));
        if (here.startsWith('kelpie context add'))
          expect(greeting).to.include(command.replace('alice.token', 'FILE'));
        const printed = await run(here);
        if (output !== '') expect(masked(printed), command).to.equal(masked(output));
      }
    }
  }).timeout(60_000);
});
