/** Requests that wait for their answer. They end with their stream at the latest. */
import { KelpieError } from './errors.js';

interface Settle {
  readonly resolve: () => void;
  readonly reject: (error: KelpieError) => void;
}

/** Above it, more are refused: a coordinator that answers nothing is given up after its silence. */
const PENDING = 10_000;

export class Pending {
  readonly #waiting = new Map<number, Settle>();
  #last = 0;

  /** Sends a request under a number of its own. Resolves with yes; rejects with its refusal. */
  ask(send: (requestId: number) => void): Promise<void> {
    if (this.#waiting.size >= PENDING) return Promise.reject(unanswered());
    return new Promise((resolve, reject) => {
      this.#waiting.set(++this.#last, { resolve, reject });
      send(this.#last);
    });
  }

  /** The request that an answer is for, which waits no longer. */
  answered(requestId: number): Settle | undefined {
    const request = this.#waiting.get(requestId);
    this.#waiting.delete(requestId);
    return request;
  }

  /** Nobody will answer any more. */
  drop(): void {
    for (const { reject } of this.#waiting.values()) reject(unanswered());
    this.#waiting.clear();
  }
}

export function unanswered(): KelpieError {
  return new KelpieError('UNAVAILABLE', 'no coordinator is connected to answer; try again');
}
