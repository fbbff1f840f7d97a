/** Whether the process of a coordinator runs. While it stands still (SIGSTOP), time goes on, and all that would happen in it waits. */
import type { Cancel, Clock } from '../../server/core/clock.js';
import type { MortalClock } from '../support/clock/mortal-clock.js';

export class Running {
  readonly #clock: Clock;
  #halted = false;
  /** In order: what comes later waits behind what has waited. */
  readonly #waiting: (() => void)[] = [];
  #stoodStillMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Does something in the process: now, or when it goes on. */
  do(work: () => void): void {
    if (this.#halted || this.#waiting.length > 0) this.#waiting.push(work);
    else work();
  }

  halt(): void {
    this.#halted = true;
  }

  /** Goes on with all that waits, one turn for each. */
  go(): void {
    if (!this.#halted) return;
    this.#halted = false;
    this.#stoodStillMs = this.#clock.now();
    this.#next();
  }

  #next(): void {
    this.#clock.after(0, () => {
      if (this.#halted || this.#waiting.length === 0) return;
      const [work] = this.#waiting;
      work?.();
      this.#waiting.shift();
      this.#next();
    });
  }

  /** Whether it has run for so long. */
  ranFor(ms: number): boolean {
    return !this.#halted && this.#clock.now() - this.#stoodStillMs > ms;
  }
}

/** The clock of a process that may stand still: its timers then fire late. */
export class LateClock implements Clock {
  readonly #clock: MortalClock;
  readonly #running: Running;

  constructor(clock: MortalClock, running: Running) {
    this.#clock = clock;
    this.#running = running;
  }

  now(): number {
    return this.#clock.now();
  }

  wall(): number {
    return this.#clock.wall();
  }

  after(delayMs: number, fire: () => void): Cancel {
    let cancelled = false;
    const late = (): void => {
      if (!cancelled && !this.#clock.dead) fire();
    };
    const cancel = this.#clock.after(delayMs, () => this.#running.do(late));
    return () => {
      cancelled = true;
      cancel();
    };
  }
}
