/**
 * Slows the answers to peers who show a credential that is not good, for each address. A good credential from the same
 * address does not come here, so it is never slowed.
 */
import { addressBlock } from '../core/address.js';
import type { Cancel, Clock } from '../core/clock.js';
import { KelpieError } from '../core/errors.js';

/** Failures of one address that get their answer at once, in a window. */
const PROMPT = 10;
const WINDOW_MS = 60_000;
/** How late an answer is above that. */
const DELAY_MS = 1000;
/** Answers that wait, of one address and of all. Above these the answer is AUTHENTICATION_LIMIT, at once. */
const WAITING_OF_ADDRESS = 16;
const WAITING = 1024;
/** Addresses in memory. Above this number the one whose window began first is forgotten. */
const ADDRESSES = 10_000;

interface Failing {
  /** When its window ends. */
  endMs: number;
  count: number;
  waiting: number;
}

interface Waiting {
  readonly dueMs: number;
  readonly answer: () => void;
}

export class AuthenticationFailures {
  readonly #clock: Clock;
  readonly #addresses = new Map<string, Failing>();
  /** In the order in which they are due. */
  readonly #waiting: Waiting[] = [];
  #timer: Cancel | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Answers that wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Addresses that failed lately. */
  get size(): number {
    return this.#addresses.size;
  }

  /** Throws the error, or AUTHENTICATION_LIMIT, or rejects with the error later. */
  refuse(host: string, error: KelpieError): Promise<never> {
    const failing = this.#failing(addressBlock(host));
    failing.count += 1;
    if (failing.count <= PROMPT) throw error;
    if (failing.waiting >= WAITING_OF_ADDRESS || this.#waiting.length >= WAITING) throw tooMany();
    failing.waiting += 1;
    return new Promise((_, reject) => {
      const answer = (): void => {
        failing.waiting -= 1;
        reject(error);
      };
      this.#waiting.push({ dueMs: this.#clock.now() + DELAY_MS, answer });
      this.#timer ??= this.#clock.after(DELAY_MS, () => this.#answer());
    });
  }

  /** Answers everybody who waits. */
  close(): void {
    this.#timer?.();
    for (const { answer } of this.#waiting.splice(0)) answer();
  }

  #answer(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.now();
    const due = this.#waiting.findIndex(({ dueMs }) => dueMs > nowMs);
    for (const { answer } of this.#waiting.splice(0, due < 0 ? this.#waiting.length : due))
      answer();
    const [next] = this.#waiting;
    if (next) this.#timer = this.#clock.after(next.dueMs - nowMs, () => this.#answer());
  }

  #failing(address: string): Failing {
    const nowMs = this.#clock.now();
    const failing = this.#addresses.get(address) ?? { endMs: 0, count: 0, waiting: 0 };
    if (failing.endMs > nowMs) return failing;
    failing.endMs = nowMs + WINDOW_MS;
    failing.count = 0;
    // Behind all others: the windows are in the order in which they end.
    this.#addresses.delete(address);
    const [oldest] = this.#addresses.keys();
    if (this.#addresses.size >= ADDRESSES && oldest !== undefined) this.#addresses.delete(oldest);
    this.#addresses.set(address, failing);
    return failing;
  }
}

function tooMany(): KelpieError {
  return new KelpieError(
    'AUTHENTICATION_LIMIT',
    'too many peers of this address showed a credential that is not good; show a good one',
    { limit: String(WAITING_OF_ADDRESS) },
    { retryAfterMs: DELAY_MS },
  );
}
