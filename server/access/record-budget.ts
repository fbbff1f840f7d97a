/**
 * Bounds the records of acts that a peer without rights can repeat as often as it likes: each actor has some at once,
 * then one after the other slowly, and all actors together have a bound too. The budget counts the records that it
 * leaves out, and the next record of the actor has their number.
 */
import type { Clock } from '../core/clock.js';

/** A bucket fills by one in this time, up to its size. */
interface Rate {
  readonly size: number;
  readonly everyMs: number;
}

export const OF_ACTOR: Rate = { size: 20, everyMs: 5000 };
export const OF_ALL: Rate = { size: 200, everyMs: 100 };
/** Actors whose numbers are kept. The one that acted longest ago is forgotten first. */
const ACTORS = 1024;

class Bucket {
  readonly #rate: Rate;
  #fullAtMs = 0;
  leftOut = 0;

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  hasRoom(nowMs: number): boolean {
    const { size, everyMs } = this.#rate;
    return this.#fullAtMs <= nowMs + (size - 1) * everyMs;
  }

  take(nowMs: number): void {
    this.#fullAtMs = Math.max(this.#fullAtMs, nowMs) + this.#rate.everyMs;
  }
}

export class RecordBudget {
  readonly #clock: Clock;
  readonly #all = new Bucket(OF_ALL);
  readonly #actors = new Map<string, Bucket>();
  #leftOut = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Records that were left out so far. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /** The number of records of the actor that were left out since their last one; undefined: this one is too. */
  take(actor: string): number | undefined {
    const now = this.#clock.now();
    const own = this.#bucketOf(actor);
    if (!own.hasRoom(now) || !this.#all.hasRoom(now)) {
      own.leftOut += 1;
      this.#leftOut += 1;
      return undefined;
    }
    own.take(now);
    this.#all.take(now);
    const { leftOut } = own;
    own.leftOut = 0;
    return leftOut;
  }

  #bucketOf(actor: string): Bucket {
    const own = this.#actors.get(actor) ?? new Bucket(OF_ACTOR);
    this.#actors.delete(actor);
    this.#actors.set(actor, own);
    const [oldest] = this.#actors.keys();
    if (this.#actors.size > ACTORS && oldest !== undefined) this.#actors.delete(oldest);
    return own;
  }
}
