/**
 * The time in which this process listened. While it stands still (a long turn of its event loop, SIGSTOP),
 * whatever its peers say lies unread in its sockets: that time counts against nobody. Peers are judged by
 * this clock; time that has nothing to do with what peers say is measured by the other one.
 */
import { type Cancel, type Clock, every } from './clock.js';

/** How often the process looks whether it stands still. */
const LOOK_MS = 250;
/** Longer between two looks is a stall, of which this much counts. */
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

  /** After a stall it fires only when the sockets were read once more. */
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

  /** Looks no more. What waits goes on waiting. */
  close(): void {
    this.#stop();
  }
}
