/** A clock that stands still until a test moves it. */
import type { Cancel, Clock } from '../../../server/core/clock.js';

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly fire: () => void;
}

export class FakeClock implements Clock {
  /** Not 0, so that no test passes only because 0 means "never". */
  #nowMs = 5000;
  #wallMs = Date.UTC(2025, 0, 1);
  /** By due time, then by the order in which they were set. */
  readonly #timers: Timer[] = [];
  #order = 0;

  now(): number {
    return this.#nowMs;
  }

  wall(): number {
    return this.#wallMs;
  }

  after(delayMs: number, fire: () => void): Cancel {
    // A real timer would fire at once: a fault that a test should see.
    if (!(delayMs >= 0)) throw new RangeError(`no timer waits ${delayMs} ms`);
    const timer = { atMs: this.#nowMs + delayMs, order: this.#order++, fire };
    this.#timers.splice(this.#placeOf(timer), 0, timer);
    return () => {
      const place = this.#placeOf(timer);
      if (this.#timers[place] === timer) this.#timers.splice(place, 1);
    };
  }

  /** The index of a timer, or its place. A binary search, because some tests have thousands of timers. */
  #placeOf({ atMs, order }: Timer): number {
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const one = this.#timers[middle];
      const earlier = one && (one.atMs < atMs || (one.atMs === atMs && one.order < order));
      if (earlier) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Timers that are set and have not fired. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Moves both times forward. Fires each timer that is due on the way, including timers that are set meanwhile. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    while (this.step(endMs));
    this.#move(endMs);
  }

  /** Moves both times to the next timer, and fires it. False: none is due until then. */
  step(untilMs: number): boolean {
    const [next] = this.#timers;
    if (!next || next.atMs > untilMs) return false;
    this.#timers.shift();
    // A timer that fires late sees the present time.
    this.#move(Math.max(next.atMs, this.#nowMs));
    next.fire();
    return true;
  }

  /** Time passes while the process stalls: due timers fire late, after the stall. */
  stall(ms: number): void {
    this.#move(this.#nowMs + ms);
    this.advance(0);
  }

  /** Sets the calendar clock. Durations do not change. */
  setWall(wallMs: number): void {
    this.#wallMs = wallMs;
  }

  #move(nowMs: number): void {
    this.#wallMs += nowMs - this.#nowMs;
    this.#nowMs = nowMs;
  }
}
