/**
 * The time in which this process read its sockets. While the process stalls (a long turn of its event loop,
 * SIGSTOP), the messages of its peers lie unread in the sockets, so a stall counts against no peer. The
 * coordinator judges the silence of peers by this clock, and measures everything else by the ordinary clock.
 */
import { type Cancel, type Clock, every } from './clock.js';

/** How often the clock checks for a stall. */
const LOOK_MS = 250;
/** A longer time between two checks is a stall. Of a stall, only this much counts. */
const STALL_MS = 2 * LOOK_MS;

export class ListeningClock implements Clock {
  readonly #clock: Clock;
  readonly #stop: Cancel;
  #listenedMs = 0;
  #lookedMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lookedMs = clock.now();
    this.#stop = every(clock, LOOK_MS, () => {
      this.#listenedMs = this.now();
      this.#lookedMs = clock.now();
    });
  }

  now(): number {
    return this.#listenedMs + Math.min(this.#clock.now() - this.#lookedMs, STALL_MS);
  }

  wall(): number {
    return this.#clock.wall();
  }

  /** After a stall, fires only after the process has read its sockets once more. */
  after(delayMs: number, fire: () => void): Cancel {
    const dueMs = this.now() + delayMs;
    let cancel = (): void => undefined;
    const wait = (waitMs: number): void => {
      const firesMs = this.#clock.now() + waitMs;
      cancel = this.#clock.after(waitMs, () => {
        const leftMs = dueMs - this.now();
        if (leftMs > 0) return wait(leftMs);
        if (this.#clock.now() - firesMs <= STALL_MS) return fire();
        cancel = this.#clock.after(LOOK_MS, fire);
      });
    };
    wait(delayMs);
    return () => cancel();
  }

  /** Stops the checks. Timers that were set still fire. */
  close(): void {
    this.#stop();
  }
}
