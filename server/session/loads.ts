/**
 * How nodes do. Volatile: it stands beside the table, is never an entry, and goes with the session,
 * or ten thousand latencies would push everybody's chat out of retention.
 */
import type { NodeLoad } from '../../gen/ts/kelpie/v1/node.js';
import type { NamedLoad } from '../../gen/ts/kelpie/v1/session_service.js';

interface Told {
  readonly load: NodeLoad;
  /** The version with which it was told. */
  readonly version: number;
}

export class Loads {
  /** In the order in which they were told. */
  readonly #told = new Map<string, Told>();
  #version = 0;

  /** Grows with each load that is told. */
  get version(): number {
    return this.#version;
  }

  tell(name: string, load: NodeLoad): void {
    this.#told.delete(name);
    this.#told.set(name, { load, version: ++this.#version });
  }

  forget(name: string): void {
    this.#told.delete(name);
  }

  get(name: string): NodeLoad | undefined {
    return this.#told.get(name)?.load;
  }

  /** Those that were told after a version. */
  since(version: number): NamedLoad[] {
    return [...this.#told]
      .filter(([, told]) => told.version > version)
      .map(([name, { load }]) => ({ name, load }));
  }
}
