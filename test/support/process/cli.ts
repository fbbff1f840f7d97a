/** The program kelpie as a child process, as a person or a script runs it. */
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Longer than any step takes: a test that waits this long waits for output that never comes. */
const CEILING_MS = 20_000;

/** The compiled file lies one folder deeper, in dist. */
const MAIN = fileURLToPath(new URL('../../../client/cli/main.js', import.meta.url));

/** A kelpie that runs until a test stops it. */
export interface Kelpie {
  /** The lines that it has printed on stdout. */
  readonly lines: readonly string[];
  /** The first line that matches, now or later. */
  line(wanted: RegExp): Promise<string>;
  /** Everything it has printed on stdout, unchanged. */
  output(): string;
  /** Everything it has printed on stderr. */
  errors(): string;
  /** Closes the reading end of its stdout, as `| head -1` does. */
  stopReading(): void;
  /** Its exit code, once it has ended. */
  readonly ended: Promise<number | null>;
  /** Sends the signal; resolves with the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** The exit code and the output of a kelpie that has ended. */
export interface Left {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Starts kelpie. With an endpoint, its environment names that. */
export function startKelpie(
  args: readonly string[],
  endpoint?: string,
  env: NodeJS.ProcessEnv = {},
): Kelpie {
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, KELPIE_ENDPOINTS: endpoint, ...env },
  });
  const lines: string[] = [];
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  const news = new EventEmitter();
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => {
    lines.push(line);
    news.emit('news');
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
  let over = false;
  const ended = (once(child, 'close') as Promise<[number | null]>).then(([code]) => {
    over = true;
    news.emit('news');
    return code;
  });
  // Each child ends with the tests, also if they crash.
  const reap = (): boolean => child.kill('SIGKILL');
  process.once('exit', reap);
  child.once('exit', () => process.off('exit', reap));

  const line = async (wanted: RegExp): Promise<string> => {
    const signal = AbortSignal.timeout(CEILING_MS);
    for (;;) {
      const found = lines.find((one) => wanted.test(one));
      if (found !== undefined) return found;
      if (over) throw new Error(`kelpie ended before ${wanted}: ${errors}`);
      await once(news, 'news', { signal }).catch(() => {
        throw new Error(`waited in vain for ${wanted}: ${lines.join('\n')}\n${errors}`);
      });
    }
  };
  return {
    lines,
    line,
    output: () => output,
    errors: () => errors,
    stopReading: () => child.stdout.destroy(),
    ended,
    stop: (signal = 'SIGTERM') => {
      child.kill(signal);
      return ended;
    },
  };
}

/** Runs kelpie to its end. */
export async function runKelpie(
  args: readonly string[],
  endpoint?: string,
  env?: NodeJS.ProcessEnv,
): Promise<Left> {
  const kelpie = startKelpie(args, endpoint, env);
  const code = await kelpie.ended;
  return { code, output: kelpie.lines.join('\n'), errors: kelpie.errors() };
}
