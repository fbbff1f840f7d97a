import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Report } from './director.js';
import { History } from './history.js';
import { isNoise } from './library.js';

const LEASH = new URL('./leash.js', import.meta.url).href;
const EXIT_MS = 15_000;

/** A process of the demo, with its reports, its output and its end. */
export class Child {
  /** The processes of this run, also those that have ended. */
  static readonly all: Child[] = [];

  readonly name: string;
  readonly reports = new History<Report>();
  readonly lines = new History<string>();
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  readonly #process: ChildProcess;

  constructor(name: string, script: URL, args: string[], env: NodeJS.ProcessEnv = {}) {
    this.name = name;
    this.#process = fork(script, args, {
      execArgv: ['--import', LEASH],
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#process.on('message', (report) => this.reports.add(report as Report));
    for (const output of [this.#process.stdout, this.#process.stderr]) {
      if (!output) continue;
      createInterface(output).on('line', (line) => {
        if (!isNoise(line)) this.lines.add(line);
      });
    }
    Child.all.push(this);
    this.ended = new Promise((resolve) => {
      // 'close' and not 'exit': at 'close' all its output has been read.
      this.#process.once('close', (code, signal) => {
        const end = code ?? signal ?? 'nothing';
        this.lines.add(`(ended with ${end})`);
        this.lines.end(`${name} ended with ${end}`);
        this.reports.end(`${name} ended with ${end}`);
        resolve(end);
      });
    });
  }

  /** Sends the signal, kills the process if it does not end, and resolves with its exit code or signal. */
  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | string> {
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), EXIT_MS);
    this.#process.kill(signal);
    const end = await this.ended;
    clearTimeout(timer);
    return end;
  }

  /** The coordinator of its last session. */
  get endpoint(): string | undefined {
    const isConnected = (report: Report) => report.type === 'status' && 'endpoint' in report;
    const last = this.reports.since(0).findLast(isConnected);
    return last?.type === 'status' ? last.endpoint : undefined;
  }

  /** Resolves at the first such change of its connection to Kelpie since the mark. */
  async waitForStatus(status: string, since: number): Promise<void> {
    await this.reports.waitFor(
      `${this.name} to be '${status}'`,
      (report) => report.type === 'status' && report.status === status,
      { since },
    );
  }

  /** Resolves when the roster of a proxy names exactly these servers. */
  async knows(names: readonly string[]): Promise<void> {
    const wanted = [...names].sort().join();
    const isIt = (report: Report) => report.type === 'servers' && report.names.join() === wanted;
    const last = this.reports.since(0).findLast(({ type }) => type === 'servers');
    if (last && isIt(last)) return;
    const since = this.reports.mark;
    await this.reports.waitFor(`${this.name} to know ${wanted || 'no server'}`, isIt, { since });
  }

  statusesSince(mark: number): string[] {
    return this.reports
      .since(mark)
      .flatMap((report) => (report.type === 'status' ? [report.status] : []));
  }

  /** Kills all processes that run. Called at the end of a run, and at the end of the director. */
  static async killAll(): Promise<void> {
    const children = Child.all.splice(0);
    for (const child of children) child.#process.kill('SIGKILL');
    await Promise.all(children.map(({ ended }) => ended));
  }
}
