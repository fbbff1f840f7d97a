/** A Snapshot in parts, each made when it is pulled: memory for one part, however many rows. */
import { Row, type Snapshot } from '../../gen/ts/kelpie/v1/stream.js';
import type { Cursor } from '../core/cursor.js';
import type { TopicFilter } from '../topics/filter.js';
import type { Network } from '../network/network.js';
import { encodeSnapshotFrame, type FramePart } from './frames.js';
import { Latch } from '../core/latch.js';

/** Snapshots that wait for a reader, above which the coordinator reads none of its requests. */
const SNAPSHOTS = 8;

/** The snapshots for one reader, one after the other. */
export class Snapshots {
  #all: Generator<FramePart | undefined>[] = [];
  #part: FramePart | undefined;
  readonly #room = new Latch();

  add(parts: Generator<FramePart | undefined>): void {
    this.#all.push(parts);
  }

  get size(): number {
    return this.#all.length;
  }

  /** Makes the next part or a piece of it, if there is one. */
  make(): void {
    for (let parts = this.#all[0]; parts; parts = this.#all[0]) {
      const part = parts.next();
      if (!part.done) {
        this.#part = part.value;
        return;
      }
      this.#drop();
    }
  }

  #drop(): void {
    this.#all.shift();
    this.#room.open();
  }

  /** The part that was made last. */
  take(): FramePart | undefined {
    const part = this.#part;
    this.#part = undefined;
    return part;
  }

  /** Resolves when there are fewer; undefined if they are few. */
  room(): Promise<void> | undefined {
    return this.#all.length >= SNAPSHOTS ? this.#room.wait() : undefined;
  }

  clear(): void {
    this.#all = [];
    this.#part = undefined;
    this.#room.open();
  }
}

const PART_ROWS = 256;
const PART_BYTES = 64 * 1024;

/** The encoded frames of a snapshot; at least one, the last of them marked. Undefined: other work may run. */
export function* snapshotParts(
  network: Pick<Network, 'resources'>,
  filter: TopicFilter,
  cursor: Cursor,
): Generator<FramePart | undefined> {
  let part: Snapshot = { cursor, topics: [...filter.patterns], rows: [], complete: false };
  let rows: Uint8Array[] = [];
  let bytes = 0;
  for (const row of network.resources(filter)) {
    if (!row) {
      yield undefined;
      continue;
    }
    const encoded = Row.encode(row).finish();
    if (rows.length === PART_ROWS || (rows.length > 0 && bytes + encoded.length > PART_BYTES)) {
      yield encodeSnapshotFrame(part, rows);
      part = { cursor: undefined, topics: [], rows: [], complete: false };
      rows = [];
      bytes = 0;
    }
    rows.push(encoded);
    bytes += encoded.length;
  }
  yield encodeSnapshotFrame({ ...part, complete: true }, rows);
}
