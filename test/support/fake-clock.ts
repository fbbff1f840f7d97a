/** A clock that stands still until a test moves it. */
import type { Cancel, Clock } from '../../server/core/clock.js';

interface Timer {
  readonly atMs: number;
  readonly ring: () => void;
}

/** What a real timer can wait. */
const LONGEST_MS = 2 ** 31 - 1;

export class FakeClock implements Clock {
  /** Not 0, so that nothing works only because a start was taken for "never". */
  #nowMs = 5000;
  #wallMs = Date.UTC(2025, 0, 1);
  /** By the time at which they are due, then in the order in which they were set. */
  #timers: Timer[] = [];

  now(): number {
    return this.#nowMs;
  }

  wall(): number {
    return this.#wallMs;
  }

  after(delayMs: number, ring: () => void): Cancel {
    // A real timer would ring at once: a fault that a test should see.
    if (!(delayMs >= 0 && delayMs <= LONGEST_MS))
      throw new RangeError(`no timer waits ${delayMs} ms`);
    const timer = { atMs: this.#nowMs + delayMs, ring };
    const later = this.#timers.findIndex(({ atMs }) => atMs > timer.atMs);
    this.#timers.splice(later < 0 ? this.#timers.length : later, 0, timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  /** Timers that are set and have not rung. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Moves both times on and rings what is due on the way, also what is set on the way. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const [next] = this.#timers;
      if (!next || next.atMs > endMs) break;
      this.#timers.shift();
      this.#move(next.atMs);
      next.ring();
    }
    this.#move(endMs);
  }

  /** Sets the calendar clock, as its owner may, while durations go on. */
  setWall(wallMs: number): void {
    this.#wallMs = wallMs;
  }

  #move(nowMs: number): void {
    this.#wallMs += nowMs - this.#nowMs;
    this.#nowMs = nowMs;
  }
}
