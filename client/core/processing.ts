/** The received pieces that are not processed yet: up to where the client may acknowledge, and when it must. */
import type { Cursor } from '../../gen/ts/kelpie/v1/cursor.js';

/**
 * An acknowledgement is due after this many events or batches: late enough to be cheap, early enough that the
 * coordinator does not wait for it. The default window of a Hello (4096 events, 1 MiB) has room for three batches with
 * one event of the largest size each, and not for four.
 */
const DUE_EVENTS = 1024;
const DUE_BATCHES = 3;

/** A received piece of the journal. */
export interface Piece {
  readonly upTo: Cursor;
  readonly events: number;
  done: boolean;
}

/** How far processing has got. */
export interface Progress {
  /** Everything up to here is processed. */
  readonly upTo: Cursor;
  /** The acknowledgement is due: without it the coordinator may soon have to wait. */
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

  /** A piece is processed. Returns undefined while an earlier piece is not. */
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
