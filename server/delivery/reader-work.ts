/** The work of one reader in the turn that all readers share: one piece at a time, then the reader looks again. */
import type { Piece, ReadingTurn } from './reading-turn.js';

export class ReaderWork {
  readonly #turn: ReadingTurn;
  readonly #wake: () => void;
  #busy = false;
  #fault: { readonly error: unknown } | undefined;
  #closed = false;

  /** Calls `wake` after a piece that was not done at once. */
  constructor(turn: ReadingTurn, wake: () => void) {
    this.#turn = turn;
    this.#wake = wake;
  }

  /** A piece is under way, or waits for its turn. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Whether the reader goes on. Throws what a piece threw. */
  get open(): boolean {
    if (this.#fault) throw this.#fault.error;
    return !this.#closed;
  }

  /** Does a piece of work, now or in its turn. */
  begin(piece: Piece): void {
    const working = this.#turn.take(() => (this.#closed ? undefined : piece()));
    if (!working) return;
    this.#busy = true;
    void working
      .catch((error: unknown) => (this.#fault = { error }))
      .finally(() => {
        this.#busy = false;
        this.#wake();
      });
  }

  /** Drops a piece that waits for its turn. */
  close(): void {
    this.#closed = true;
  }
}
