/** `make demo`, once: real servers, real proxies and real players, whose clients are the witnesses. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

/** The compiled file lies one folder deeper, in dist. */
const DEMO = fileURLToPath(new URL('../bedrock/demo.js', import.meta.url));

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
  }).timeout(240_000);
});
