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
 * Long works of many askers, which take one turn together: two hundred works with a turn each would keep
 * everybody else out for a second. Askers have pieces of it in turn, whatever each of them asked for; so one
 * that asks for very much delays its own works, and the others by no more than a piece.
 */
export class SharedTurn {
  readonly #clock: Clock;
  /** What each asker waits with, whose next piece comes first first. */
  readonly #lines = new Map<unknown, (() => void)[]>();
  /** Somebody has a piece. */
  #taken = false;
  #pending = 0;
  #beganMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Does a work that yields wherever others may go on. Rejects with what it throws. Works of one `asker`
   * share its pieces; all that name none are of one asker.
   */
  async work<Result>(pieces: Generator<unknown, Result>, asker?: unknown): Promise<Result> {
    if (this.#pending++ === 0) this.#beganMs = this.#clock.now();
    try {
      for (;;) {
        await this.#turnOf(asker);
        const { done, value } = this.#piece(pieces);
        if (done) return value;
      }
    } finally {
      this.#pending -= 1;
    }
  }

  /** Resolves when the asker has its piece. */
  #turnOf(asker: unknown): Promise<void> | undefined {
    if (!this.#taken) {
      this.#taken = true;
      return undefined;
    }
    return new Promise((resolve) => {
      const line = this.#lines.get(asker);
      if (line) line.push(resolve);
      else this.#lines.set(asker, [resolve]);
    });
  }

  #piece<Result>(pieces: Generator<unknown, Result>): IteratorResult<unknown, Result> {
    try {
      for (;;) {
        const result = pieces.next();
        if (result.done || this.#isOver()) return result;
      }
    } finally {
      void this.#passOn();
    }
  }

  /** When whoever waits for the result has done their part with it, which counts too. */
  async #passOn(): Promise<void> {
    await new Promise<void>((resolve) => process.nextTick(resolve));
    if (this.#isOver()) {
      await othersTurn();
      this.#beganMs = this.#clock.now();
    }
    const [next] = this.#lines;
    if (!next) {
      this.#taken = false;
      return;
    }
    const [asker, line] = next;
    const begin = line.shift();
    this.#lines.delete(asker);
    // It comes after all who wait now.
    if (line.length > 0) this.#lines.set(asker, line);
    begin?.();
  }

  #isOver(): boolean {
    return this.#clock.now() - this.#beganMs >= TURN_MS;
  }

  /** Works under way. */
  get pending(): number {
    return this.#pending;
  }
}
