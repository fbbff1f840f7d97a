/**
 * Clients in other languages: a program of each, which measures as `workload.ts` does. It reads a task from each line of
 * its standard input:
 *
 *     <throughput|latency> <endpoint> <topic> <subscribers> <window> <bytes of an event> <warm-up ms> <measure ms>
 *
 * and answers `begin` and `end`, each with its time in seconds, the number of deliveries so far and the CPU seconds of its
 * process; or `latency <p50 ms> <p99 ms>`; and then `done`, when its clients are closed.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { cpuSeconds } from './cpu.js';
import { NotHere } from './not-here.js';
import { PAYLOAD_BYTES, TOPIC, WINDOW_EVENTS } from './plan.js';
import type { Measurement, Task } from './workload.js';

/** The compiled file lies one folder deeper, in dist. */
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const OUT = 'test/languages/out';
const JAVA = 'test/bench/clients/java/target';

/** A program: the tools that it needs, how it is built, and how it runs. Paths are from the root of the repository. */
interface Program {
  readonly needs: readonly string[];
  readonly build: readonly string[];
  readonly run: readonly string[];
}

const programs = {
  go: {
    needs: ['go'],
    build: [`go build -C test/bench/clients/go -o ../../../languages/out/bench-go .`],
    run: [`${OUT}/bench-go`],
  },
  java: {
    needs: ['java', 'mvn'],
    build: [
      'mvn -q -B -ntp -f client/java -pl sdk -am install -DskipTests',
      'mvn -q -B -ntp -f test/bench/clients/java compile',
    ],
    run: ['java', '-cp', `${JAVA}/classes:${JAVA}/dependency/*`, 'bench.Main'],
  },
} as const satisfies Record<string, Program>;

export type ForeignName = keyof typeof programs;

export function isForeign(name: string): name is ForeignName {
  return name in programs;
}

/** Builds the program of a language. Throws NotHere if its tools are not on this machine. */
export function build(name: ForeignName): void {
  const { needs, build: commands } = programs[name];
  const missing = needs.filter((tool) => spawnSync('which', [tool]).status !== 0);
  if (missing.length > 0) throw new NotHere(`no ${missing.join(' and no ')} on the PATH`);
  for (const command of commands) {
    const { status, stdout, stderr } = spawnSync(command, { cwd: ROOT, shell: true });
    if (status !== 0) throw new Error(`${command} failed: ${String(stdout)}${String(stderr)}`);
  }
}

/** The process with all clients of one language. Build its program first. */
export class ForeignClients {
  readonly #name: ForeignName;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(name: ForeignName, variables: NodeJS.ProcessEnv = {}) {
    const [command, ...args] = programs[name].run;
    this.#name = name;
    this.#child = spawn(command, args, {
      cwd: ROOT,
      env: { ...process.env, ...variables },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const reap = (): boolean => this.#child.kill('SIGKILL');
    process.once('exit', reap);
    void once(this.#child, 'exit').then(() => process.off('exit', reap));
    const input = this.#child.stdout ?? process.stdin;
    this.#lines = createInterface({ input })[Symbol.asyncIterator]();
  }

  /** Rejects if the process ends before it has measured. */
  async measure({ kind, endpoint, serverPids, ...task }: Task): Promise<Measurement> {
    const { subscribers, window = WINDOW_EVENTS, warmUpMs, measureMs } = task;
    const load = [subscribers, window, PAYLOAD_BYTES, warmUpMs, measureMs];
    this.#child.stdin?.write(`${[kind, endpoint, TOPIC, ...load].join(' ')}\n`);
    if (kind === 'latency') {
      const [p50Ms, p99Ms] = await this.#answer('latency');
      await this.#answer('done');
      return { p50Ms: p50Ms ?? NaN, p99Ms: p99Ms ?? NaN };
    }
    const [beginSeconds = 0, before = 0, cpuBefore = 0] = await this.#answer('begin');
    const serverBefore = cpuSeconds(serverPids);
    const [endSeconds = 0, after = 0, cpuAfter = 0] = await this.#answer('end');
    const serverAfter = cpuSeconds(serverPids);
    await this.#answer('done');
    const seconds = endSeconds - beginSeconds;
    const known = serverBefore !== undefined && serverAfter !== undefined;
    return {
      deliveriesPerSecond: (after - before) / seconds,
      serverCpu: known ? (serverAfter - serverBefore) / seconds : undefined,
      clientCpu: (cpuAfter - cpuBefore) / seconds,
    };
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }

  /** The numbers of the next line, which begins with this word. */
  async #answer(word: string): Promise<number[]> {
    const { value } = (await this.#lines.next()) as { value?: string };
    const [first, ...numbers] = (value ?? '').split(' ');
    if (first === word) return numbers.map(Number);
    throw new Error(`the clients in ${this.#name} answered "${value ?? ''}", and not ${word}`);
  }
}
