/**
 * The way of one coordinator to the engine and back. Messages take their time, and stay in order. When the link is cut,
 * messages on the way are lost, and nobody knows which of them arrived. Answers may also be lost one by one.
 */
import { NotStored } from '../../../server/journal/error.js';
import type { Running } from '../running.js';
import type { Scheduler, Span } from '../scheduler.js';

const WAY_MS: Span = [0, 8];
/** So long a coordinator waits for an answer that does not come. */
const PATIENCE_MS: Span = [20, 400];

export class Link {
  readonly #scheduler: Scheduler;
  readonly #running: Running;
  /** The answers that are lost, in percent. */
  lossy = 0;
  #isUp = true;
  #dead = false;
  /** Messages on the way belong to the connection on which they were sent. */
  #connection = 0;
  #upMs = 0;
  #downMs = 0;
  #stallsUntilMs = 0;

  constructor(scheduler: Scheduler, running: Running) {
    this.#scheduler = scheduler;
    this.#running = running;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /**
   * Does the work at the engine. Rejects with the error of the work, with NotStored if the engine is away, or with
   * another error if nobody knows whether the work was done.
   */
  call<Result>(work: () => Result): Promise<Result> {
    if (this.#dead) return new Promise(() => undefined);
    if (!this.#isUp) return Promise.reject(new NotStored('the engine is away'));
    return new Promise((resolve, reject) => {
      const lost = (): void => {
        const unknown = new Error('the answer of the engine is lost');
        const fail = (): void => {
          if (!this.#dead) reject(unknown);
        };
        this.#scheduler.later(PATIENCE_MS, () => this.#running.do(fail));
      };
      const [losesQuestion, losesAnswer] = this.#losses();
      this.#upMs = this.#arrive(this.#upMs, lost, () => {
        if (losesQuestion) return lost();
        const outcome = attempt(work);
        // It may be lost on its way.
        outcome.catch(() => undefined);
        if (losesAnswer) return lost();
        this.#deliver(lost, () => void outcome.then(resolve, reject));
      });
    });
  }

  #losses(): [boolean, boolean] {
    if (!this.#scheduler.chance(this.lossy)) return [false, false];
    const losesQuestion = this.#scheduler.chance(30);
    return [losesQuestion, !losesQuestion];
  }

  /** Brings a message of the engine to the coordinator, if the link is up. */
  deliver(take: () => void): void {
    if (this.#isUp) this.#deliver(() => undefined, take);
  }

  #deliver(lost: () => void, take: () => void): void {
    this.#downMs = this.#arrive(this.#downMs, lost, () =>
      this.#running.do(() => {
        if (!this.#dead) take();
      }),
    );
  }

  /** Returns when the message arrives: not before the one that was sent before it. */
  #arrive(lastMs: number, lost: () => void, arrived: () => void): number {
    const { clock, nowMs } = this.#scheduler;
    const connection = this.#connection;
    const atMs = Math.max(lastMs, this.#stallsUntilMs, nowMs + this.#scheduler.within(WAY_MS));
    clock.after(atMs - nowMs, () => {
      if (connection === this.#connection) arrived();
      else lost();
    });
    return atMs;
  }

  /** Messages that are sent from now on arrive late. */
  stall(ms: number): void {
    this.#stallsUntilMs = this.#scheduler.nowMs + ms;
  }

  cut(): void {
    this.#isUp = false;
    this.#connection += 1;
  }

  heal(): void {
    this.#isUp = true;
  }

  /** The coordinator is gone: it sends and gets nothing more. Its messages on the way arrive. */
  die(): void {
    this.#dead = true;
    this.#isUp = false;
  }
}

async function attempt<Result>(work: () => Result): Promise<Result> {
  return work();
}
