/**
 * A turn that many readers share. What they want that may be much work is done piece by piece, in the order
 * in which it was asked for. After a few milliseconds of it everybody else is served, sockets and timers
 * among them: however many readers there are, together they hold nobody up for longer.
 */
import type { Clock } from '../core/clock.js';
import { TURN_MS } from '../core/fair-turn.js';

/** Some work, a millisecond or so. What it awaits is not counted, but what it does before that is. */
export type Piece = () => Promise<void> | void;

export class ReadingTurn {
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  #workedMs = 0;
  #over = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Does a piece of work: now, or when those that wait were done. Undefined: it is done. */
  take(piece: Piece): Promise<void> | undefined {
    if (!this.#over) return this.work(piece) ?? undefined;
    return new Promise((resolve) => {
      const attempt = async (): Promise<void> => this.work(piece);
      this.#waiting.push(() => resolve(attempt()));
    });
  }

  /** Does a piece of work at once, and counts how long it took. */
  work<Result>(piece: () => Result): Result {
    const beganMs = this.#clock.now();
    try {
      return piece();
    } finally {
      this.#workedMs += this.#clock.now() - beganMs;
      if (this.#workedMs >= TURN_MS && !this.#over) this.#rest();
    }
  }

  #goOn(): void {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      next();
      if (this.#over) return;
    }
  }

  #rest(): void {
    this.#over = true;
    setImmediate(() => {
      this.#over = false;
      this.#workedMs = 0;
      this.#goOn();
    });
  }
}
