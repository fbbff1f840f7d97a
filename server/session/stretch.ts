/**
 * Fair turns: a message has room for many thousand frames, and each of them may be one that is
 * costly. What one peer asks for is worked on for a stretch, then everybody else is served.
 */
import type { Clock } from '../core/clock.js';

const STRETCH_MS = 5;

export class Stretch {
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

  /** Resolves when the others have had their turn; undefined while the stretch goes on. */
  over(): Promise<void> | undefined {
    if (this.#workedMs < STRETCH_MS) return undefined;
    this.#workedMs = 0;
    return new Promise((resolve) => setImmediate(resolve));
  }
}
