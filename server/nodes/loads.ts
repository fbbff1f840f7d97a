/**
 * The newest load that each node reported. Loads are volatile: they are outside the table, are never entries, and
 * go with the session. As entries, ten thousand loads would push all chat out of retention.
 */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { NodeLoad } from '../../gen/ts/kelpie/v1/node.js';
import { NamedLoad } from '../../gen/ts/kelpie/v1/session_service.js';

const LOADS_LOAD = (1 << 3) | 2;

/** The newest load of one node. */
export interface ReportedLoad {
  readonly name: string;
  readonly load: NodeLoad;
  /** Grows with each report of any node. */
  readonly version: number;
  /** The load as a field of NodeLoads, encoded once for all readers. */
  readonly chunk: Uint8Array;
}

export class Loads {
  /** By name, in the order of the newest reports. */
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
