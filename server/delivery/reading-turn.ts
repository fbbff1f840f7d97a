/**
 * A turn that all readers share for work that may be long. They do it piece by piece, in the order of asking.
 * After a few milliseconds sockets, timers and everybody else have their turn. So all readers together hold
 * nobody up for longer, however many they are.
 */
import type { Clock } from '../core/clock.js';
import { TURN_MS } from '../core/fair-turn.js';

/** Some work, a millisecond or so. The turn counts what the piece does before it awaits, not after. */
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
