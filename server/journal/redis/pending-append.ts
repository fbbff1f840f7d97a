/** A call of `append` that is not settled: its transactions may go in several calls of the script. */
import type { Outcome } from '../journal.js';
import type { Encoded } from './call.js';

/** A call of the script. */
export interface Call {
  readonly number: number;
  readonly tag: number;
  readonly units: readonly Unit[];
  state: 'sent' | 'waits' | 'answered';
  /** Redis may have carried it out. */
  maybe: boolean;
}

/** A transaction of an `append`. */
export interface Unit {
  readonly encoded: Encoded;
  readonly append: PendingAppend;
}

export class PendingAppend {
  readonly settled: Promise<Outcome[]>;
  readonly #count: number;
  readonly #calls: Call[] = [];
  readonly #outcomes: Outcome[] = [];
  #resolve: (outcomes: Outcome[]) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  readonly #cancel: () => void;
  over = false;

  /** `begin` starts the deadline, and returns a function that ends it. */
  constructor(count: number, begin: (append: PendingAppend) => () => void) {
    this.settled = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#count = count;
    this.#cancel = begin(this);
  }

  /** A part of the append goes in this call. */
  goesIn(call: Call): void {
    if (this.#calls.at(-1) !== call) this.#calls.push(call);
  }

  add(outcome: Outcome): void {
    this.#outcomes.push(outcome);
    if (this.#outcomes.length < this.#count || this.over) return;
    this.#end();
    this.#resolve(this.#outcomes);
  }

  /** Rejects with the error, if Redis stored certainly no part of the append. */
  refuse(error: Error): void {
    if (this.over) return;
    const maybe = this.#calls.some((call) => call.maybe || call.state !== 'waits');
    this.#end();
    this.#reject(maybe ? unknown(error) : error);
  }

  #end(): void {
    this.over = true;
    this.#cancel();
  }
}

function unknown(cause: Error): Error {
  return new Error(`Redis may have stored it: ${cause.message}`, { cause });
}
