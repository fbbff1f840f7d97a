/** Whether a peer lives: any frame proves it. */
import type { Cancel, Clock } from '../core/clock.js';

export class Pulse {
  readonly #clock: Clock;
  #heardMs: number;
  /** While the coordinator itself holds the peer back, silence proves nothing. */
  #paused = false;
  #question: { answered: Promise<boolean>; answer: (beats: boolean) => void } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#heardMs = clock.now();
  }

  heard(): void {
    this.#heardMs = this.#clock.now();
    this.#question?.answer(true);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.heard();
  }

  /** For how long nothing was heard of a peer that was read. */
  silentMs(): number {
    return this.#paused ? 0 : this.#clock.now() - this.#heardMs;
  }

  /** Whether something is heard within `waitMs` from now. Questions at the same time share it. */
  beats(waitMs: number): Promise<boolean> {
    this.#question ??= this.#ask(waitMs);
    return this.#question.answered;
  }

  #ask(waitMs: number): { answered: Promise<boolean>; answer: (beats: boolean) => void } {
    let settle: (beats: boolean) => void = () => undefined;
    const answered = new Promise<boolean>((resolve) => (settle = resolve));
    const cancel: Cancel = this.#clock.after(waitMs, () => this.#question?.answer(false));
    const answer = (beats: boolean): void => {
      cancel();
      this.#question = undefined;
      settle(beats);
    };
    return { answered, answer };
  }

  /** The peer is gone. */
  stop(): void {
    this.#question?.answer(false);
  }
}
