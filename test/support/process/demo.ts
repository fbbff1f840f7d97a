/** A demo as a child process, as a person runs it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

/** Plays the demo of this file below `bedrock` once. Resolves with its output. Throws if a claim did not hold. */
export async function runDemo(file: string): Promise<string> {
  const script = fileURLToPath(new URL(`../../bedrock/${file}`, import.meta.url));
  const env = { ...process.env, TIMES: '1' };
  const demo = spawn(process.execPath, [script], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const reap = (): boolean => demo.kill('SIGKILL');
  process.once('exit', reap);
  let printed = '';
  const take = (chunk: Buffer): unknown => (printed += chunk.toString());
  demo.stdout.on('data', take);
  demo.stderr.on('data', take);
  const [code] = (await once(demo, 'close')) as [number | null];
  process.off('exit', reap);
  expect(code, printed).to.equal(0);
  return printed;
}

/** Without the parts that differ from run to run: numbers, and the names of players and servers. */
export function masked(text: string): string {
  return text
    .replaceAll(/ *\d+(\.\d+)?/g, '#')
    .replaceAll(/\((.*?)\)/g, '(…)')
    .replaceAll(/\b[A-Z][a-z]{2,3}\b/g, '<player>');
}
