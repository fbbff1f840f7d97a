/**
 * Works of many pieces that begin at once, one after the other: few pieces are done when `add` returns, many
 * are done in fair turns. All that is added in one turn of the event loop shares it.
 */
import type { Clock } from './clock.js';
import { othersTurn, TURN_MS } from './fair-turn.js';

export class PromptTurns {
  readonly #clock: Clock;
  readonly #onFault: (error: unknown) => void;
  readonly #works: Iterator<unknown>[] = [];
  /** How long was worked in this turn of the event loop; undefined: it has not begun. */
  #workedMs: number | undefined;
  #working = false;

  /** `onFault` hears what a work throws, which ends that work alone. */
  constructor(clock: Clock, onFault: (error: unknown) => void) {
    this.#clock = clock;
    this.#onFault = onFault;
  }

  /** Each step of the work is a piece of it. */
  add(work: Iterator<unknown>): void {
    this.#works.push(work);
    // A piece may add a work.
    if (!this.#working) this.#work();
  }

  /** Works that are not done. */
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
