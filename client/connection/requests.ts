/** Requests that wait for their answers. They end with their stream at the latest. */
import type { CoordinatorFrame } from '../../gen/ts/kelpie/v1/session_service.js';
import { KelpieError } from '../errors.js';

/** What a coordinator answers with. */
export type Answer = NonNullable<CoordinatorFrame['frame']>;

/** Who waits for the answers to a request. */
export interface Waiter {
  /** Takes an answer. True: it was the last one. */
  answer(answer: Answer): boolean;
  /** It is refused, or nobody will answer any more (UNAVAILABLE). */
  fail(error: KelpieError): void;
}

/** Above it, more are refused: a coordinator that answers nothing is given up after its silence. */
const PENDING = 10_000;

export class Pending {
  readonly #waiting = new Map<number, Waiter>();
  #last = 0;

  /** Sends a request under a number of its own, which it returns. Throws UNAVAILABLE if too many wait. */
  open(waiter: Waiter, send: (requestId: number) => void): number {
    if (this.#waiting.size >= PENDING) throw unanswered();
    const requestId = ++this.#last;
    send(requestId);
    this.#waiting.set(requestId, waiter);
    return requestId;
  }

  /** Takes an answer to its request. */
  answer(requestId: number, answer: Answer): void {
    if (this.#waiting.get(requestId)?.answer(answer)) this.#waiting.delete(requestId);
  }

  /** A request is refused. False: nobody waits for it. */
  refuse(requestId: number, error: KelpieError): boolean {
    const waiter = this.#waiting.get(requestId);
    this.#waiting.delete(requestId);
    waiter?.fail(error);
    return waiter !== undefined;
  }

  /** Nobody will answer any more. */
  drop(): void {
    const waiters = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const waiter of waiters) waiter.fail(unanswered());
  }

  get size(): number {
    return this.#waiting.size;
  }
}

export function unanswered(): KelpieError {
  return new KelpieError('UNAVAILABLE', 'no coordinator is connected to answer; try again');
}
