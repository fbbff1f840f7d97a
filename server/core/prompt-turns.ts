/**
 * Runs works one after the other, at once: a work of few pieces has ended when `add` returns; a work of many
 * pieces runs in fair turns. All works that are added in one turn of the event loop share one fair turn.
 */
import type { Clock } from './clock.js';
import { othersTurn, TURN_MS } from './fair-turn.js';

export class PromptTurns {
  readonly #clock: Clock;
  readonly #onFault: (error: unknown) => void;
  readonly #works: Iterator<unknown>[] = [];
  /** The time worked in this turn of the event loop. Undefined: no work ran in it yet. */
  #workedMs: number | undefined;
  #working = false;

  /** `onFault` gets an error that a work throws. The error ends that work alone. */
  constructor(clock: Clock, onFault: (error: unknown) => void) {
    this.#clock = clock;
    this.#onFault = onFault;
  }

  /** Each step of the iterator is one piece of the work. */
  add(work: Iterator<unknown>): void {
    this.#works.push(work);
    // A piece may call `add`: the loop below takes the new work too.
    if (!this.#working) this.#work();
  }

  /** How many works have not ended. */
  get pending(): number {
    return this.#works.length;
  }

  #work(): void {
    const workedMs = this.#workedMs ?? this.#beginTurn();
    const beganMs = this.#clock.now();
    this.#working = true;
    for (;;) {
      this.#workedMs = workedMs + this.#clock.now() - beganMs;
      const [work] = this.#works;
      if (!work || this.#workedMs >= TURN_MS) break;
      if (this.#isDone(work)) this.#works.shift();
    }
    this.#working = false;
  }

  #beginTurn(): number {
    void othersTurn().then(() => {
      this.#workedMs = undefined;
      if (this.#works.length > 0) this.#work();
    });
    return 0;
  }

  #isDone(work: Iterator<unknown>): boolean {
    try {
      return work.next().done === true;
    } catch (error) {
      this.#onFault(error);
      return true;
    }
  }
}
