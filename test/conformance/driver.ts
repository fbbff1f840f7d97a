/** The process of a driver: requests go in, answers and observations come out. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Json } from './contract.js';
import { difference, type Captured, fits, shown } from './match.js';
import { Transcript } from './transcript.js';

/** A runtime that compiles as it goes takes some seconds until its first line. */
const START_MS = 20_000;
const EXIT_MS = 2000;

export type Answered = { readonly ok: unknown } | { readonly error: Json };

interface Observation {
  readonly value: Json;
  taken: boolean;
}

export class Driver {
  readonly #start: (env: Readonly<Record<string, string>>) => ChildProcessWithoutNullStreams;
  #child: ChildProcessWithoutNullStreams;
  /** The present scenario's. */
  #transcript = new Transcript();
  #answers = new Map<number, Answered>();
  #observations: Observation[] = [];
  #lastId = 0;
  #hasAnswered = false;
  #exit: string | undefined;
  readonly #name: string;

  /** @param run the command, in the shell of the folder of the repository */
  constructor(run: string, root: string, name = 'driver') {
    this.#name = name;
    this.#start = (env) => {
      const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('KELPIE_'));
      const all = { ...Object.fromEntries(inherited), ...env };
      return spawn('sh', ['-c', `exec ${run}`], { cwd: root, env: all });
    };
    this.#child = this.#run({});
  }

  #run(env: Readonly<Record<string, string>>): ChildProcessWithoutNullStreams {
    const child = this.#start(env);
    this.#exit = undefined;
    this.#hasAnswered = false;
    createInterface(child.stdout).on('line', (line) => this.#take(line));
    createInterface(child.stderr).on('line', (line) => this.#transcript.add(`! ${line}`));
    child.stdin.on('error', () => undefined);
    child.on('error', (error) => this.#ended(error.message));
    child.on('exit', (code, signal) => this.#ended(`exit ${signal ?? code}`));
    return child;
  }

  /** Kills the process, and starts another one with these variables. */
  async restart(env: Readonly<Record<string, string>>): Promise<void> {
    await this.kill();
    this.#child = this.#run(env);
  }

  #ended(how: string): void {
    this.#exit ??= how;
    this.#transcript.add(`the driver ended: ${how}`);
  }

  /** A scenario begins: forgets all of the one before. */
  begin(transcript: Transcript): void {
    this.#transcript = transcript;
    this.#observations = [];
    this.#answers = new Map();
  }

  #take(line: string): void {
    try {
      const value = JSON.parse(line) as Json;
      if ('saw' in value) this.#observations.push({ value, taken: false });
      else this.#answers.set(Number(value['id']), value as Answered);
      this.#transcript.add(`${this.#name} ← ${line}`);
    } catch {
      this.#transcript.add(`driver ← no JSON: ${line}`);
    }
  }

  /** Sends a request. Returns its id. */
  ask(request: Json): number {
    const id = ++this.#lastId;
    const line = JSON.stringify({ id, ...request });
    this.#transcript.add(`${this.#name} → ${line}`);
    this.#child.stdin.write(`${line}\n`);
    return id;
  }

  answered(id: number): Answered | undefined {
    return this.#answers.get(id);
  }

  /** Waits for the answer to a request. */
  async answer(id: number, what: string): Promise<Answered> {
    const withinMs = this.#hasAnswered ? undefined : START_MS;
    const find = (): Answered | undefined => this.#alive(this.answered(id));
    const answer = await this.#transcript.until(find, () => `the answer to ${what}`, withinMs);
    this.#hasAnswered = true;
    return answer;
  }

  #alive<T>(found: T | undefined): T | undefined {
    if (found === undefined && this.#exit !== undefined)
      throw new Error(`the driver ended: ${this.#exit}`);
    return found;
  }

  /**
   * Takes the oldest observation of its kind that no step has taken. It must fit, but statuses that do not fit are
   * skipped: a library may have more of them.
   */
  see(pattern: Json, captured: Captured): Json | string | undefined {
    for (const one of this.#observations) {
      if (one.taken || one.value['saw'] !== pattern['saw']) continue;
      if (fits(pattern, one.value, captured)) {
        one.taken = true;
        return one.value;
      }
      if (pattern['saw'] === 'status') continue;
      return `${difference(pattern, one.value, new Map(captured)) ?? ''}, in ${shown(one.value)}`;
    }
    return this.#alive<string>(undefined);
  }

  /** Takes all observations that fit, also none. */
  ignore(pattern: Json, captured: Captured): void {
    for (const one of this.#observations)
      if (!one.taken) one.taken = fits(pattern, one.value, new Map(captured));
  }

  /** The observations that no step has taken, except statuses. */
  get rest(): Json[] {
    const rest = this.#observations.filter(
      ({ taken, value }) => !taken && value['saw'] !== 'status',
    );
    return rest.map(({ value }) => value);
  }

  /** Whether an observation that no step has taken fits. */
  has(pattern: Json, captured: Captured): boolean {
    return this.#observations.some(
      ({ taken, value }) => !taken && fits(pattern, value, new Map(captured)),
    );
  }

  /** The driver must exit with code 0 when its input ends. */
  async stop(): Promise<void> {
    if (this.#exit !== undefined) return;
    const exited = once(this.#child, 'exit');
    this.#child.stdin.end();
    const late = setTimeout(() => this.#child.kill('SIGKILL'), EXIT_MS);
    await exited;
    clearTimeout(late);
  }

  async kill(): Promise<void> {
    if (this.#exit !== undefined) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}
