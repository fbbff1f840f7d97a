/** Several kelpied processes on one Redis. Each can be killed and started again at its port. */
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';

/** A node waits at most a third of the grace between two attempts. */
const ARGS = ['--journal', 'redis', '--grace-seconds', '10'];

export class Coordinators {
  readonly #running: Kelpied[];
  readonly #urls: readonly string[];

  private constructor(running: Kelpied[], urls: readonly string[]) {
    this.#running = running;
    this.#urls = urls;
  }

  /** One for each URL of a Redis. */
  static async start(urls: readonly string[]): Promise<Coordinators> {
    return new Coordinators(await Promise.all(urls.map((url) => start(url))), urls);
  }

  get endpoints(): string[] {
    return this.#running.map(({ endpoint }) => endpoint);
  }

  get count(): number {
    return this.#running.length;
  }

  at(index: number): Kelpied {
    const kelpied = this.#running[index];
    if (!kelpied) throw new Error(`there is no coordinator ${index}`);
    return kelpied;
  }

  kill(index: number): Promise<void> {
    return this.at(index).kill();
  }

  /** Starts it again. */
  async restart(index: number): Promise<void> {
    this.#running[index] = await start(this.#urls[index], this.at(index).port);
  }

  async stop(): Promise<(number | null)[]> {
    return Promise.all(this.#running.map((kelpied) => kelpied.stop()));
  }
}

function start(url = '', port = 0): Promise<Kelpied> {
  return startKelpied([...ARGS, '--port', String(port)], undefined, { KELPIE_REDIS: url });
}
