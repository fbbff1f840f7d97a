/** The program kelpied as a child process, as an operator runs it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Compiled, this file lies in dist/test/support. */
const MAIN = fileURLToPath(new URL('../../server/main.js', import.meta.url));

/** A kelpied that listens. */
export interface Kelpied {
  readonly endpoint: string;
  readonly port: number;
  readonly process: ChildProcess;
  /** Everything it has printed on stdout. */
  output(): string;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

/** Starts it on a free port, or on the one in `args`. Rejects with what it printed if it ends. */
export async function startKelpied(args: readonly string[] = []): Promise<Kelpied> {
  const { child, output, errors } = launch(
    args.includes('--port') ? args : ['--port', '0', ...args],
  );
  const listening = /listens on (\S+):(\d+)/;
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', () => listening.test(output()) && resolve());
    child.on('exit', () => reject(new Error(`kelpied ended: ${errors()}${output()}`)));
  });
  const [, host = '', port = ''] = listening.exec(output()) ?? [];
  const gone = once(child, 'exit') as Promise<[number | null]>;
  return {
    endpoint: `${host}:${port}`,
    port: Number(port),
    process: child,
    output,
    stop: async () => {
      child.kill('SIGTERM');
      return (await gone)[0];
    },
    kill: async () => {
      child.kill('SIGKILL');
      await gone;
    },
  };
}

/** Runs it to its end, for arguments that it refuses. */
export async function runKelpied(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number | null; output: string; errors: string }> {
  const { child, output, errors } = launch(args, env);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output: output(), errors: errors() };
}

function launch(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const printed = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (printed.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (printed.err += chunk.toString()));
  // Whatever happens to the tests, no child outlives them.
  const reap = (): boolean => child.kill('SIGKILL');
  process.once('exit', reap);
  child.once('exit', () => process.off('exit', reap));
  return { child, output: () => printed.out, errors: () => printed.err };
}
