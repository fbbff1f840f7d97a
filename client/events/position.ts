/**
 * Where a node is in the journal: what it has received, and where its next stream starts. The two
 * differ while a Snapshot is due: a stream that breaks in its middle must get it again, whole, so
 * until its last part the next stream starts where the one before did.
 */
import type { Cursor, Start } from '../../gen/ts/kelpie/v1/cursor.js';
import type { Gap, Snapshot } from '../../gen/ts/kelpie/v1/stream.js';
import { type StartOption, startOf } from '../core/start.js';

export class Position {
  readonly #first: StartOption;
  #received: Cursor | undefined;
  #resume: Cursor | undefined;
  #loading = false;

  /** @param stored where the process was in a former life; `first` counts only without it. */
  constructor(first: StartOption, stored?: Cursor) {
    this.#first = first;
    this.#resume = stored;
  }

  /** A Snapshot is due: what was received is not yet where the next stream starts. */
  get loading(): boolean {
    return this.#loading;
  }

  /** The sequence up to which everything was received; 0 before the first stream. */
  get sequence(): number {
    return this.#received?.sequence ?? 0;
  }

  /** Where the next stream would start; undefined as long as it would ask for the first place again. */
  get resume(): Cursor | undefined {
    return this.#resume;
  }

  /** A new stream begins: where it starts. */
  restart(): Start {
    this.#received = this.#resume;
    this.#loading = !this.#resume && this.#first === 'SNAPSHOT';
    return startOf(this.#resume ? { after: this.#resume } : this.#first);
  }

  /** Everything up to here was received. An older position than the present one changes nothing. */
  reach(cursor: Cursor): void {
    if (cursor.sequence < this.sequence) return;
    this.#received = cursor;
    if (!this.#loading) this.#resume = cursor;
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
