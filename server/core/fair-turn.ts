/**
 * Fair turns: one request may be much work. It is worked on for a turn of a few milliseconds, then
 * everybody else has theirs. Measured by the time that the work takes, not by counting items, whose
 * cost differs.
 */
import type { Clock } from './clock.js';

const TURN_MS = 5;

/** Resolves when the others have had their turn: sockets and timers among them. */
export function othersTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export class FairTurn {
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
    return othersTurn();
  }
}

/**
 * Does a piece of work for each item, and lets the others have their turn whenever one is over.
 * The items may change while others have their turn: what `items` iterates must allow that.
 */
export async function inTurns<Item>(
  clock: Clock,
  items: Iterable<Item>,
  work: (item: Item) => void,
): Promise<void> {
  let beganMs = clock.now();
  for (const item of items) {
    work(item);
    if (clock.now() - beganMs < TURN_MS) continue;
    await othersTurn();
    beganMs = clock.now();
  }
}
