/**
 * How nodes do. Volatile: it stands beside the table, is never an entry, and goes with the session,
 * or ten thousand latencies would push everybody's chat out of retention. Each load is encoded once,
 * and readers in whose filters the same nodes match share a frame.
 */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { NodeLoad } from '../../gen/ts/kelpie/v1/node.js';
import { NamedLoad } from '../../gen/ts/kelpie/v1/session_service.js';
import type { TopicFilter } from '../topics/filter.js';
import { encodeLoadsFrame, type FramePart } from '../delivery/frames.js';

/** A frame has about so much; what is more comes in another one. */
const FRAME_BYTES = 256 * 1024;
const LOADS_LOAD = (1 << 3) | 2;

interface Told {
  readonly name: string;
  readonly load: NodeLoad;
  /** The version with which it was told. */
  readonly version: number;
  /** As it goes into a frame. */
  readonly chunk: Uint8Array;
}

/** A frame for a reader, and the version up to which it was told everything then. */
export interface Share {
  readonly part: FramePart | undefined;
  readonly upTo: number;
}

export class Loads {
  /** In the order in which they were told. */
  readonly #told = new Map<string, Told>();
  #version = 0;
  #interval: LoadInterval;
  readonly #topicOf: (name: string) => string;

  constructor(topicOf: (name: string) => string) {
    this.#topicOf = topicOf;
    this.#interval = new LoadInterval([], 0, topicOf);
  }

  tell(name: string, load: NodeLoad): void {
    this.#told.delete(name);
    const writer = new BinaryWriter().uint32(LOADS_LOAD).fork();
    const chunk = NamedLoad.encode({ name, load }, writer).join().finish();
    this.#told.set(name, { name, load, version: ++this.#version, chunk });
  }

  forget(name: string): void {
    this.#told.delete(name);
  }

  get(name: string): NodeLoad | undefined {
    return this.#told.get(name)?.load;
  }

  /** What was told up to now is what readers are told next. */
  endInterval(): void {
    this.#interval = new LoadInterval([...this.#told.values()], this.#version, this.#topicOf);
  }

  /** What readers are told. */
  get interval(): LoadInterval {
    return this.#interval;
  }
}

/** The loads as they were at the end of an interval, and the frames that were made of them. */
export class LoadInterval {
  readonly version: number;
  readonly #told: readonly Told[];
  readonly #topicOf: (name: string) => string;
  readonly #shares = new Map<string, Share>();
  readonly #parts = new Map<string, FramePart>();

  constructor(told: readonly Told[], version: number, topicOf: (name: string) => string) {
    this.#told = told;
    this.version = version;
    this.#topicOf = topicOf;
  }

  /** What was told after a version, of the nodes that the filter matches; the same for all alike. */
  share(after: number, filter: TopicFilter): Share {
    const patterns = filter.resourcePatterns().filter((one) => one.startsWith('nodes.'));
    const key = `${after} ${patterns.join(' ')}`;
    const known = this.#shares.get(key);
    if (known) return known;
    const share = this.#make(after, filter);
    this.#shares.set(key, share);
    return share;
  }

  #make(after: number, filter: TopicFilter): Share {
    const chunks: Uint8Array[] = [];
    let matches = '';
    let bytes = 0;
    for (const { name, version, chunk } of this.#told) {
      if (version <= after || !filter.matches(this.#topicOf(name))) continue;
      if (bytes > 0 && bytes + chunk.length > FRAME_BYTES)
        return { part: this.#part(matches, chunks), upTo: version - 1 };
      bytes += chunk.length;
      chunks.push(chunk);
      matches += ` ${version}`;
    }
    return { part: this.#part(matches, chunks), upTo: this.version };
  }

  #part(matches: string, chunks: readonly Uint8Array[]): FramePart | undefined {
    if (chunks.length === 0) return undefined;
    let part = this.#parts.get(matches);
    if (!part) this.#parts.set(matches, (part = encodeLoadsFrame(chunks)));
    return part;
  }
}
