/**
 * Fair turns: one request may be much work. It is worked on for a turn of a few milliseconds, then
 * everybody else has theirs. Measured by the time that the work takes, not by counting items, whose
 * cost differs.
 */
import type { Clock } from './clock.js';

/** How long one asker may be worked for before everybody else has their turn. */
export const TURN_MS = 5;

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

  /** The items of what is work to iterate. */
  *each<Item>(items: Iterable<Item>): Generator<Item> {
    const iterator = items[Symbol.iterator]();
    for (;;) {
      const next = this.work(() => iterator.next());
      if (next.done === true) return;
      yield next.value;
    }
  }

  /** Resolves when the others have had their turn; undefined while the turn goes on. */
  over(): Promise<void> | undefined {
    if (this.#workedMs < TURN_MS) return undefined;
    this.#workedMs = 0;
    return othersTurn();
  }
}

/**
 * Long works of many askers, which take one turn together: each has a piece of it, in the order in which
 * they came. Two hundred askers with a turn each would keep everybody else out for a second.
 */
export class SharedTurn {
  readonly #clock: Clock;
  /** Resolves when those before have had their piece. */
  #line: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #beganMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Does a work that yields wherever others may go on. Rejects with what it throws. */
  async work<Result>(pieces: Generator<unknown, Result>): Promise<Result> {
    if (this.#waiting++ === 0) this.#beganMs = this.#clock.now();
    try {
      for (;;) {
        const turn = this.#line.then(() => this.#piece(pieces));
        this.#line = turn.then(
          () => this.#over(),
          () => undefined,
        );
        const { done, value } = await turn;
        if (done) return value;
      }
    } finally {
      this.#waiting -= 1;
    }
  }

  #piece<Result>(pieces: Generator<unknown, Result>): IteratorResult<unknown, Result> {
    for (;;) {
      const result = pieces.next();
      if (result.done || this.#isOver()) return result;
    }
  }

  /** What is done with a result before the next one has its piece counts too. */
  #isOver(): boolean {
    return this.#clock.now() - this.#beganMs >= TURN_MS;
  }

  async #over(): Promise<void> {
    if (!this.#isOver()) return;
    await othersTurn();
    this.#beganMs = this.#clock.now();
  }

  /** Works under way. */
  get pending(): number {
    return this.#waiting;
  }
}
