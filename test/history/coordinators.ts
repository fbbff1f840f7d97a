/** Several kelpied processes on one Redis. Each can be killed and started again at its port. */
import { freeze, thaw } from '../support/faults/processes.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';

/** A node waits at most a third of the grace between two attempts. */
const ARGS = ['--journal', 'redis', '--grace-seconds', '10'];

export interface CoordinatorOptions {
  /** Further arguments. */
  readonly args?: readonly string[];
  /** Modules beside this one that each process loads first. */
  readonly preload?: readonly string[];
}

export class Coordinators {
  readonly #running: Kelpied[];
  readonly #starts: readonly Start[];

  private constructor(running: Kelpied[], starts: readonly Start[]) {
    this.#running = running;
    this.#starts = starts;
  }

  /** One for each URL of a Redis. */
  static async start(
    urls: readonly string[],
    options: CoordinatorOptions = {},
  ): Promise<Coordinators> {
    const starts = urls.map((url) => (port?: number) => start(url, port, options));
    return new Coordinators(await Promise.all(starts.map((one) => one())), starts);
  }

  get endpoints(): string[] {
    return this.#running.map(({ endpoint }) => endpoint);
  }

  at(index: number): Kelpied {
    const kelpied = this.#running[index];
    if (!kelpied) throw new Error(`there is no coordinator ${index}`);
    return kelpied;
  }

  kill(index: number): Promise<void> {
    return this.at(index).kill();
  }

  /** SIGSTOP. */
  freeze(index: number): Promise<void> {
    return freeze(this.at(index).process);
  }

  /** SIGCONT. */
  thaw(index: number): Promise<void> {
    return thaw(this.at(index).process);
  }

  /** Starts it again. */
  async restart(index: number): Promise<void> {
    const { port } = this.at(index);
    const again = await this.#starts[index]?.(port);
    if (again) this.#running[index] = again;
  }

  /** Resolves with the exit codes. */
  async stop(): Promise<(number | null)[]> {
    // One that stands still would not end.
    for (const { process } of this.#running) process.kill('SIGCONT');
    return Promise.all(this.#running.map((kelpied) => kelpied.stop()));
  }
}

type Start = (port?: number) => Promise<Kelpied>;

function start(
  url: string,
  port = 0,
  { args = [], preload = [] }: CoordinatorOptions,
): Promise<Kelpied> {
  const modules = preload.map((name) => `--import=${new URL(`${name}.js`, import.meta.url).href}`);
  const options = modules.length > 0 && { NODE_OPTIONS: modules.join(' ') };
  const env = { KELPIE_REDIS: url, ...options };
  return startKelpied([...ARGS, ...args, '--port', String(port)], undefined, env);
}
