/**
 * `make demo`, once, and the lines of it in the README: real servers, real proxies and real players, whose clients are the
 * witnesses.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { Document } from '../docs/document.js';

/** The compiled file lies one folder deeper, in dist. */
const DEMO = fileURLToPath(new URL('../bedrock/demo.js', import.meta.url));

const README = new Document('README.md');

/** Without the parts that differ from run to run: numbers, and the names of players and servers. */
const masked = (text: string): string =>
  text
    .replaceAll(/ *\d+(\.\d+)?/g, '#')
    .replaceAll(/\((.*?)\)/g, '(…)')
    .replaceAll(/\b[A-Z][a-z]{2,3}\b/g, '<player>');

describe('the demo', () => {
  it('ends well', async () => {
    const env = { ...process.env, TIMES: '1' };
    const demo = spawn(process.execPath, [DEMO], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const reap = (): boolean => demo.kill('SIGKILL');
    process.once('exit', reap);
    let printed = '';
    const take = (chunk: Buffer): unknown => (printed += chunk.toString());
    demo.stdout.on('data', take);
    demo.stderr.on('data', take);
    const [code] = (await once(demo, 'close')) as [number | null];
    process.off('exit', reap);
    expect(code, printed).to.equal(0);
    expect(printed).to.match(/\d+ passed, 0 failed/);
    const shown = masked(README.block('text', 'Act 1.')).split('\n');
    expect(masked(printed).split('\n')).to.include.members(shown);
  }).timeout(360_000);
});
