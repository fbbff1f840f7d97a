/**
 * The place of a node in the journal: the last event that it has received, and the start of its next stream. The two
 * differ while the node waits for the end of a Snapshot. If the stream breaks in the middle of a Snapshot, the node
 * must get the whole Snapshot again, so the next stream starts where the present one did.
 */
import type { Cursor, Start } from '../../gen/ts/kelpie/v1/cursor.js';
import type { Gap, Snapshot } from '../../gen/ts/kelpie/v1/stream.js';
import { type StartOption, startOf } from '../core/start.js';

export class Position {
  readonly #first: StartOption;
  #received: Cursor | undefined;
  #resume: Cursor | undefined;
  #loading = false;

  /** @param stored the position of the former process. `first` counts only without it. */
  constructor(first: StartOption, stored?: Cursor) {
    this.#first = first;
    this.#resume = stored;
  }

  /** Whether the node waits for the end of a Snapshot. */
  get loading(): boolean {
    return this.#loading;
  }

  /** The node has received everything up to this sequence; 0 before the first stream. */
  get sequence(): number {
    return this.#received?.sequence ?? 0;
  }

  /** The position where the next stream starts; undefined as long as it starts where the first one did. */
  get resume(): Cursor | undefined {
    return this.#resume;
  }

  /** A new stream begins. Returns its start. */
  restart(): Start {
    this.#received = this.#resume;
    this.#loading = !this.#resume && this.#first === 'SNAPSHOT';
    return startOf(this.#resume ? { after: this.#resume } : this.#first);
  }

  /** The node has received everything up to this cursor. Returns false for a cursor older than the present one: it changes nothing. */
  reach(cursor: Cursor): boolean {
    if (cursor.sequence < this.sequence) return false;
    this.#received = cursor;
    if (!this.#loading) this.#resume = cursor;
    return true;
  }

  /** A gap is followed by a Snapshot, since every client reads resources for its roster. */
  lose({ resumesAt }: Gap): void {
    this.#loading = true;
    this.#received = resumesAt;
  }

  load({ cursor, complete }: Snapshot): void {
    if (cursor) this.reach(cursor);
    if (!complete) return;
    this.#loading = false;
    this.#resume = this.#received;
  }
}
