/** The clock of a process that can die. Then its timers end, and time goes on. */
import type { Cancel, Clock } from '../../../server/core/clock.js';

export class MortalClock implements Clock {
  readonly #clock: Clock;
  readonly #timers = new Set<Cancel>();
  #dead = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  wall(): number {
    return this.#clock.wall();
  }

  after(delayMs: number, fire: () => void): Cancel {
    if (this.#dead) return () => undefined;
    const stop = this.#clock.after(delayMs, () => {
      this.#timers.delete(cancel);
      fire();
    });
    const cancel = (): void => {
      this.#timers.delete(cancel);
      stop();
    };
    this.#timers.add(cancel);
    return cancel;
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** Cancels all timers. None fires after this. */
  die(): void {
    this.#dead = true;
    for (const cancel of [...this.#timers]) cancel();
  }
}
