/**
 * Calls have turns. The edge begins calls for a few milliseconds, then sessions, timers and other calls have
 * their turn. Peers take turns too, so a peer with hundreds of calls delays its own calls most.
 */
import type { Clock } from '../../core/clock.js';
import { TURN_MS } from '../../core/fair-turn.js';

export class CallTurns {
  readonly #clock: Clock;
  readonly #waiting = new Map<unknown, (() => void)[]>();
  #size = 0;
  #workedMs = 0;
  #ticking = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Pieces of work that wait. */
  get size(): number {
    return this.#size;
  }

  /** Begins a piece of work of a peer when it has its turn, at once if nobody is before it. */
  take(peer: unknown, begin: () => void): void {
    const line = this.#waiting.get(peer);
    if (line) line.push(begin);
    else this.#waiting.set(peer, [begin]);
    this.#size++;
    this.#go();
  }

  #go(): void {
    while (this.#workedMs < TURN_MS) {
      const begin = this.#next();
      if (!begin) break;
      const beganMs = this.#clock.now();
      begin();
      this.#workedMs += this.#clock.now() - beganMs;
    }
    if (this.#ticking || this.#workedMs === 0) return;
    this.#ticking = true;
    setImmediate(() => {
      this.#ticking = false;
      this.#workedMs = 0;
      this.#go();
    });
  }

  /** The next of the peer that waits longest for a turn. */
  #next(): (() => void) | undefined {
    for (const [peer, line] of this.#waiting) {
      const begin = line.shift();
      this.#waiting.delete(peer);
      if (line.length > 0) this.#waiting.set(peer, line);
      if (begin) this.#size--;
      return begin;
    }
    return undefined;
  }
}
