/**
 * How readers learn how nodes do. At the end of an interval each reader gets the loads that nodes reported since
 * its last frame, of each node the newest. Readers in whose filters the same nodes match share a frame.
 */
import type { Loads, ReportedLoad } from '../nodes/loads.js';
import type { TopicFilter } from '../topics/filter.js';
import { encodeLoadsFrame, type FramePart } from './frames.js';

/** A frame has about this size; further loads come in another frame. */
const FRAME_BYTES = 256 * 1024;

/** The frames that all readers share. */
export class LoadFrames {
  readonly #loads: Loads;
  readonly #topicOf: (name: string) => string;
  #interval: LoadInterval;

  constructor(loads: Loads, topicOf: (name: string) => string) {
    this.#loads = loads;
    this.#topicOf = topicOf;
    this.#interval = new LoadInterval([], 0, topicOf);
  }

  /** Readers get next what nodes reported up to now. */
  endInterval(): void {
    this.#interval = new LoadInterval(this.#loads.all(), this.#loads.version, this.#topicOf);
  }

  /** The newest interval that has ended. */
  get interval(): LoadInterval {
    return this.#interval;
  }
}

/** The loads that one reader gets. */
export class LoadReader {
  readonly #frames: LoadFrames;
  #seen = 0;
  #due = false;

  constructor(frames: LoadFrames) {
    this.#frames = frames;
  }

  /** An interval is over: whether there is a load that the reader does not have. */
  endInterval(): boolean {
    this.#due = this.#frames.interval.version !== this.#seen;
    return this.#due;
  }

  /** The next frame of loads of nodes that the filter matches; undefined if none is due. */
  take(filter: TopicFilter | undefined): FramePart | undefined {
    if (!this.#due || !filter) return undefined;
    const { interval } = this.#frames;
    const { part, upTo } = interval.share(this.#seen, filter);
    this.#seen = upTo;
    this.#due = upTo < interval.version;
    return part;
  }
}

/** A frame for a reader, and the version up to which the reader then has everything. */
interface Share {
  readonly part: FramePart | undefined;
  readonly upTo: number;
}

/** The loads as they were at the end of an interval, and the frames that were made of them. */
class LoadInterval {
  readonly version: number;
  readonly #loads: readonly ReportedLoad[];
  readonly #topicOf: (name: string) => string;
  readonly #shares = new Map<string, Share>();
  readonly #parts = new Map<string, FramePart>();

  constructor(loads: readonly ReportedLoad[], version: number, topicOf: (name: string) => string) {
    this.#loads = loads;
    this.version = version;
    this.#topicOf = topicOf;
  }

  /** The loads after a version, of the nodes that the filter matches; the same frame for all alike. */
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
    for (const { name, version, chunk } of this.#loads) {
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
