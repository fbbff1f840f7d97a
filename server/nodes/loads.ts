/**
 * How nodes do, as each reported it last. Loads are volatile: they stand beside the table, are never an entry,
 * and go with the session. As entries, ten thousand loads would push everybody's chat out of retention.
 */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { NodeLoad } from '../../gen/ts/kelpie/v1/node.js';
import { NamedLoad } from '../../gen/ts/kelpie/v1/session_service.js';

const LOADS_LOAD = (1 << 3) | 2;

/** The newest load of one node. */
export interface ReportedLoad {
  readonly name: string;
  readonly load: NodeLoad;
  /** A count of all reports. */
  readonly version: number;
  /** The load as a field of NodeLoads, encoded once for all readers. */
  readonly chunk: Uint8Array;
}

export class Loads {
  /** In the order of the reports. */
  readonly #reported = new Map<string, ReportedLoad>();
  #version = 0;

  report(name: string, load: NodeLoad): void {
    this.#reported.delete(name);
    const writer = new BinaryWriter().uint32(LOADS_LOAD).fork();
    const chunk = NamedLoad.encode({ name, load }, writer).join().finish();
    this.#reported.set(name, { name, load, version: ++this.#version, chunk });
  }

  forget(name: string): void {
    this.#reported.delete(name);
  }

  get(name: string): NodeLoad | undefined {
    return this.#reported.get(name)?.load;
  }

  /** The version of the newest report. */
  get version(): number {
    return this.#version;
  }

  /** The newest load of each node, in the order of the reports. */
  all(): ReportedLoad[] {
    return [...this.#reported.values()];
  }
}
