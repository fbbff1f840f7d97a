/** What was received and is being processed, in order: what may be acknowledged, and when it must. */
import type { Cursor } from '../../gen/ts/kelpie/v1/cursor.js';

/**
 * Late enough that acknowledging costs nothing, early enough that nobody waits for it: the window that a
 * Hello asks for by saying nothing (4096 events, 1 MiB) has room for three batches of one event each that
 * is as large as it may be, and not for four.
 */
const DUE_EVENTS = 1024;
const DUE_BATCHES = 3;

/** A piece of the journal that was received. */
export interface Piece {
  readonly upTo: Cursor;
  readonly events: number;
  done: boolean;
}

/** How far processing has got. */
export interface Progress {
  /** Everything up to here is processed. */
  readonly upTo: Cursor;
  /** So much is processed since it was last said that the coordinator may soon wait for it. */
  readonly due: boolean;
}

export class Processing {
  readonly #pieces: Piece[] = [];
  #events = 0;
  #batches = 0;

  begin(upTo: Cursor, events = 0): Piece {
    const piece = { upTo, events, done: false };
    this.#pieces.push(piece);
    return piece;
  }

  /** A piece is processed. Undefined if one before it is not. */
  finish(piece: Piece): Progress | undefined {
    piece.done = true;
    let upTo: Cursor | undefined;
    for (let first = this.#pieces[0]; first?.done; first = this.#pieces[0]) {
      this.#pieces.shift();
      upTo = first.upTo;
      this.#events += first.events;
      this.#batches += 1;
    }
    if (!upTo) return undefined;
    const due = this.#events >= DUE_EVENTS || this.#batches >= DUE_BATCHES;
    if (due) this.#events = this.#batches = 0;
    return { upTo, due };
  }
}
