/** The program kelpied as a child process, as an operator runs it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** The compiled file lies one folder deeper, in dist. */
const MAIN = fileURLToPath(new URL('../../../server/main.js', import.meta.url));

/** Longer than any start takes. */
const LISTENS_MS = 60_000;

/** A kelpied that listens. */
export interface Kelpied {
  readonly endpoint: string;
  readonly port: number;
  readonly process: ChildProcess;
  /** Everything it has printed on stdout. */
  output(): string;
  /** Everything it has printed on stderr: its log. */
  errors(): string;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

/** Starts kelpied on a free port, or on the port in `args`. Rejects with its output if it ends. */
export function startKelpied(
  args: readonly string[] = [],
  cwd?: string,
  env: NodeJS.ProcessEnv = {},
): Promise<Kelpied> {
  return listening(launch(args.includes('--port') ? args : ['--port', '0', ...args], env, cwd));
}

/** Starts kelpied with a limit on each of its files, in blocks of 512 bytes: this simulates a full disk. */
export function startOnSmallDisk(args: readonly string[], blocks: number): Promise<Kelpied> {
  // Without the trap the kernel would kill kelpied; with it the write fails.
  const limited = `trap '' XFSZ; ulimit -f ${blocks}; exec "$0" "$@"`;
  return listening(launch(args, {}, undefined, ['sh', '-c', limited]));
}

/** Starts `kelpied --dev`. */
export function startDev(): Promise<Kelpied> {
  return listening(launch(['--dev'], { KELPIE_METRICS_PORT: undefined }));
}

/** With --log-format json the log has the endpoint. */
async function listening({ child, output, errors }: ReturnType<typeof launch>): Promise<Kelpied> {
  const said = child.spawnargs.includes('json') ? errors : output;
  const place = /(?:listens on |"endpoint":")([^\s"]+):(\d+)/;
  await new Promise<void>((resolve, reject) => {
    const fail = (what: string): void => reject(new Error(`${what}: ${errors()}${output()}`));
    const late = setTimeout(() => fail('kelpied does not listen'), LISTENS_MS);
    const look = (): void => {
      if (!place.test(said())) return;
      clearTimeout(late);
      resolve();
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.on('exit', () => {
      clearTimeout(late);
      fail('kelpied ended');
    });
  });
  const [, host = '', port = ''] = place.exec(said()) ?? [];
  const gone = once(child, 'exit') as Promise<[number | null]>;
  return {
    endpoint: `${host}:${port}`,
    port: Number(port),
    process: child,
    output,
    errors,
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

/** Runs kelpied to its end, for arguments that it refuses. */
export async function runKelpied(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  cwd?: string,
): Promise<{ code: number | null; output: string; errors: string }> {
  const { child, output, errors } = launch(args, env, cwd);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output: output(), errors: errors() };
}

/** Without `cwd` the journal is in memory, unless `args` set another one. */
export function launch(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  cwd?: string,
  shell: readonly string[] = [],
) {
  const [command = '', ...rest] = [...shell, process.execPath, MAIN, ...args];
  const journal = cwd === undefined ? { KELPIE_JOURNAL: 'memory' } : {};
  const child = spawn(command, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd,
    // Free ports: several kelpieds run at once, perhaps beside one of the developer.
    env: { ...process.env, KELPIE_METRICS_PORT: '0', ...journal, ...env },
  });
  const printed = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (printed.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (printed.err += chunk.toString()));
  // Each child ends with the tests, also if they crash.
  const reap = (): boolean => child.kill('SIGKILL');
  // Before other listeners, which may remove the folder of kelpied.
  process.prependOnceListener('exit', reap);
  child.once('exit', () => process.off('exit', reap));
  return { child, output: () => printed.out, errors: () => printed.err };
}
