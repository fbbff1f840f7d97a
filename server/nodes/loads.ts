/**
 * The newest load that each node reported. Loads are volatile: they are outside the table, are never entries, and
 * go with the session. As entries, ten thousand loads would push all chat out of retention.
 */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { NodeLoad } from '../../gen/ts/kelpie/v1/node.js';
import { NamedLoad } from '../../gen/ts/kelpie/v1/session_service.js';
import { sameBytes } from '../core/cursor.js';

const LOADS_LOAD = (1 << 3) | 2;

/** The newest load of one node, and its reserved slots. */
export interface ReportedLoad extends NamedLoad {
  /** Grows with each report of any node. */
  readonly version: number;
  /** The load as a field of NodeLoads, encoded once for all readers. */
  readonly chunk: Uint8Array;
}

/** Encodes its load when a reader needs it: slots may change often within an interval. */
class EncodedLoad implements ReportedLoad {
  readonly name: string;
  readonly load: NodeLoad | undefined;
  readonly reservedSlots: number | undefined;
  readonly version: number;
  #chunk: Uint8Array | undefined;

  constructor({ name, load, reservedSlots }: NamedLoad, version: number) {
    this.name = name;
    this.load = load;
    this.reservedSlots = reservedSlots;
    this.version = version;
  }

  get chunk(): Uint8Array {
    const writer = (): BinaryWriter => new BinaryWriter().uint32(LOADS_LOAD).fork();
    return (this.#chunk ??= NamedLoad.encode(this, writer()).join().finish());
  }
}

export class Loads {
  /** By name, in the order of the newest reports. */
  readonly #reported = new Map<string, ReportedLoad>();
  #version = 0;

  report(name: string, load: NodeLoad): void {
    this.#put({ name, load, reservedSlots: this.#reported.get(name)?.reservedSlots });
  }

  /** The load that a node reported to another coordinator, which may have been here before. */
  learn(name: string, load: NodeLoad): void {
    const known = this.get(name);
    if (!known || !sameLoad(known, load)) this.report(name, load);
  }

  /** The slots of the node that reservations hold now. */
  reserve(name: string, reservedSlots: number): void {
    this.#put({ name, load: this.get(name), reservedSlots });
  }

  #put(load: NamedLoad): void {
    this.#reported.delete(load.name);
    this.#reported.set(load.name, new EncodedLoad(load, ++this.#version));
  }

  /** The session of the node is over. Its reserved slots stay: a reader may not have them yet. */
  forget(name: string): void {
    const known = this.#reported.get(name);
    if (known?.reservedSlots === undefined) this.#reported.delete(name);
    // In its place: for readers this is no news.
    else this.#reported.set(name, new EncodedLoad({ ...known, load: undefined }, known.version));
  }

  /** The node has left. */
  leave(name: string): void {
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

function sameLoad(left: NodeLoad, right: NodeLoad): boolean {
  return sameBytes(NodeLoad.encode(left).finish(), NodeLoad.encode(right).finish());
}
