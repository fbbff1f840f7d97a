/**
 * Fair turns: one request may need much work. The coordinator works on it for a turn of a few milliseconds, then
 * lets everything else run. A turn is measured in time, not in items, because the cost of items differs.
 */
import type { Clock } from './clock.js';

/** How long the coordinator works for one asker before it lets everything else run. */
export const TURN_MS = 5;

/** Resolves after everything else had its turn, sockets and timers included. */
export function othersTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export class FairTurn {
  readonly #clock: Clock;
  #workedMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs a piece of work and adds its time to the turn. */
  work<Result>(piece: () => Result): Result {
    const beganMs = this.#clock.now();
    const result = piece();
    this.#workedMs += this.#clock.now() - beganMs;
    return result;
  }

  /** The items of an iterable, for which iterating itself is work: its time counts too. */
  *each<Item>(items: Iterable<Item>): Generator<Item> {
    const iterator = items[Symbol.iterator]();
    for (;;) {
      const next = this.work(() => iterator.next());
      if (next.done === true) return;
      yield next.value;
    }
  }

  /** Undefined while the turn goes on. At its end: a promise that resolves after everything else had its turn. */
  over(): Promise<void> | undefined {
    if (this.#workedMs < TURN_MS) return undefined;
    this.#workedMs = 0;
    return othersTurn();
  }
}

/**
 * Long works of many askers that share one turn: two hundred works with a turn each would stop everything else
 * for a second. The askers get pieces of work one after the other, however much each of them asked for. So an
 * asker with very much work delays its own works, and delays the other askers by one piece at most.
 */
export class SharedTurn {
  readonly #clock: Clock;
  /** The waiting works of each asker. The asker whose turn is next stands first. */
  readonly #lines = new Map<unknown, (() => void)[]>();
  /** A piece is running. */
  #taken = false;
  #pending = 0;
  /** When the first piece of this turn of the event loop began. Undefined: there was none yet. */
  #beganMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Runs a work that yields wherever other works may go on. Rejects with the error that the work throws. Works of
   * one `asker` share its pieces. Works without an asker count as works of one asker.
   */
  async work<Result>(pieces: Generator<unknown, Result>, asker?: unknown): Promise<Result> {
    this.#pending += 1;
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

  /** Resolves when the asker may run its next piece. */
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

  /** A work that comes when no other is left goes on with the turn: many short works are as long as a long one. */
  #beginTurn(): void {
    if (this.#beganMs !== undefined) return;
    this.#beganMs = this.#clock.now();
    void othersTurn().then(() => (this.#beganMs = undefined));
  }

  #piece<Result>(pieces: Generator<unknown, Result>): IteratorResult<unknown, Result> {
    this.#beginTurn();
    try {
      for (;;) {
        const result = pieces.next();
        if (result.done || this.#isOver()) return result;
      }
    } finally {
      void this.#passOn();
    }
  }

  /** Passes the turn on. Waits a tick before: the caller's handling of the result counts as part of the turn. */
  async #passOn(): Promise<void> {
    await new Promise<void>((resolve) => process.nextTick(resolve));
    if (this.#isOver()) await othersTurn();
    const [next] = this.#lines;
    if (!next) {
      this.#taken = false;
      return;
    }
    const [asker, line] = next;
    const begin = line.shift();
    this.#lines.delete(asker);
    // The asker goes behind all askers that wait now.
    if (line.length > 0) this.#lines.set(asker, line);
    begin?.();
  }

  #isOver(): boolean {
    return this.#beganMs !== undefined && this.#clock.now() - this.#beganMs >= TURN_MS;
  }

  /** How many works have not ended. */
  get pending(): number {
    return this.#pending;
  }
}

/** The most items that one turn of `inTurns` gives. */
const ITEMS = 512;

/** The items, in turns: a search through very many of them lets other work run. */
export async function* inTurns<T>(items: Iterable<T>): AsyncGenerator<T> {
  let given = 0;
  for (const item of items) {
    yield item;
    if (++given % ITEMS === 0) await othersTurn();
  }
}
