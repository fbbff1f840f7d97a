/** Requests that wait for their answers. When their stream ends, they fail. */
import type { CoordinatorFrame } from '../../gen/ts/kelpie/v1/session_service.js';
import { KelpieError } from '../errors.js';

/** A frame that answers a request. */
export type Answer = NonNullable<CoordinatorFrame['frame']>;

/** Waits for the answers to a request. */
export interface Waiter {
  /** Takes an answer. Returns true if it is the last one. */
  answer(answer: Answer): boolean;
  /** The coordinator refused the request, or the stream ended before an answer (UNAVAILABLE). */
  fail(error: KelpieError): void;
}

/** The most requests that wait, and their bytes. The client refuses more. */
const MOST_REQUESTS = 10_000;
const MOST_BYTES = 16 * 1024 * 1024;

interface Waiting {
  readonly waiter: Waiter;
  readonly bytes: number;
}

export class Pending {
  readonly #waiting = new Map<number, Waiting>();
  #bytes = 0;
  #last = 0;
  readonly #onAnswered: () => unknown;

  /** `onAnswered` is called when no request waits any more. */
  constructor(onAnswered: () => unknown) {
    this.#onAnswered = onAnswered;
  }

  /**
   * Sends a request with a new request number, and returns the number. `send` returns the bytes of the request.
   * Throws REQUEST_QUEUE_FULL if too many wait.
   */
  open(waiter: Waiter, send: (requestId: number) => number): number {
    if (this.#waiting.size >= MOST_REQUESTS || this.#bytes >= MOST_BYTES)
      throw full(this.#waiting.size, this.#bytes);
    const requestId = ++this.#last;
    const bytes = send(requestId);
    this.#bytes += bytes;
    this.#waiting.set(requestId, { waiter, bytes });
    return requestId;
  }

  /** Gives an answer to the request that waits for it. */
  answer(requestId: number, answer: Answer): void {
    if (this.#waiting.get(requestId)?.waiter.answer(answer)) this.#remove(requestId);
  }

  /** The coordinator refused a request. Returns false if no such request waits. */
  refuse(requestId: number, error: KelpieError): boolean {
    const waiter = this.#remove(requestId);
    waiter?.fail(error);
    return waiter !== undefined;
  }

  /** The stream has ended: all requests fail with UNAVAILABLE. */
  drop(): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#bytes = 0;
    for (const { waiter } of waiting) waiter.fail(unanswered());
  }

  #remove(requestId: number): Waiter | undefined {
    const { waiter, bytes = 0 } = this.#waiting.get(requestId) ?? {};
    if (!this.#waiting.delete(requestId)) return undefined;
    this.#bytes -= bytes;
    if (this.#waiting.size === 0) this.#onAnswered();
    return waiter;
  }

  get size(): number {
    return this.#waiting.size;
  }
}

function full(requests: number, bytes: number): KelpieError {
  const message = `${requests} requests (${bytes} bytes) wait for answers; send fewer requests, or wait for the answers`;
  return new KelpieError('REQUEST_QUEUE_FULL', message);
}

export function unanswered(): KelpieError {
  return new KelpieError('UNAVAILABLE', 'no coordinator is connected to answer; try again');
}
