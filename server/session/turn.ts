/**
 * Fair turns: a message has room for many thousand frames, and each of them may be one that is
 * costly. What one peer asks for is worked on for a turn, then it is the turn of everybody else.
 */
import type { Clock } from '../core/clock.js';

const TURN_MS = 5;

export class Turn {
  readonly #clock: Clock;
  #workedMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Does a piece of work, and counts how long that took. */
  work<Result>(piece: () => Result): Result {
    const beganMs = this.#clock.now();
    const result = piece();
    this.#workedMs += this.#clock.now() - beganMs;
    return result;
  }

  /** Resolves when the others have had their turn; undefined while the turn goes on. */
  over(): Promise<void> | undefined {
    if (this.#workedMs < TURN_MS) return undefined;
    this.#workedMs = 0;
    return new Promise((resolve) => setImmediate(resolve));
  }
}
