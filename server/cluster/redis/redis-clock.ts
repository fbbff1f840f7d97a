/**
 * The clock of Redis, which all coordinators share. A question takes time, so it is between two bounds. The closest answer
 * counts, until the clocks may have drifted apart or that of Redis was set.
 */
import { type Cancel, type Clock, every } from '../../core/clock.js';
import type { RedisConnection } from '../../journal/redis/connection.js';

/** How often it is asked: a clock may be set. */
const ASK_MS = 1000;
/** So much two clocks may drift apart in each millisecond. */
const DRIFT = 0.001;

export class RedisClock {
  readonly #connection: RedisConnection;
  readonly #clock: Clock;
  readonly #stop: Cancel;
  /** How far the clock of Redis is ahead of ours, at least and at most. */
  #ahead = { leastMs: -Infinity, mostMs: Infinity };
  #answeredMs = 0;

  constructor(connection: RedisConnection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
    this.#stop = every(clock, ASK_MS, () => void this.ask());
  }

  /** Without an answer the bounds stay as they are. */
  async ask(): Promise<void> {
    const askedMs = this.#clock.now();
    const answer = await this.#connection.command(['TIME']).catch(() => undefined);
    if (answer === undefined) return;
    const [seconds = 0, micros = 0] = (answer as Buffer[]).map(Number);
    const atMs = seconds * 1000 + micros / 1000;
    const nowMs = this.#clock.now();
    const driftMs = DRIFT * (nowMs - this.#answeredMs);
    const leastMs = Math.max(atMs - nowMs, this.#ahead.leastMs - driftMs);
    const mostMs = Math.min(atMs - askedMs, this.#ahead.mostMs + driftMs);
    // If the two answers contradict each other, the clock was set.
    const wasSet = leastMs > mostMs;
    this.#ahead = wasSet ? { leastMs: atMs - nowMs, mostMs: atMs - askedMs } : { leastMs, mostMs };
    this.#answeredMs = nowMs;
  }

  /** It is not later than this. */
  get latestMs(): number {
    return this.#clock.now() + this.#ahead.mostMs;
  }

  /** It is not earlier than this. */
  get earliestMs(): number {
    return this.#clock.now() + this.#ahead.leastMs;
  }

  close(): void {
    this.#stop();
  }
}
