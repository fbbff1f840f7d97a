/** Notices that a coordinator has sent nothing for too long. */
import type { Cancel, Clock } from '../core/clock.js';
import { KelpieError } from '../errors.js';

export class Silence {
  readonly #clock: Clock;
  readonly #onSilent: (error: KelpieError) => void;
  /** When the last message came. */
  #heardMs = 0;
  #timer: Cancel = () => undefined;

  constructor(clock: Clock, onSilent: (error: KelpieError) => void) {
    this.#clock = clock;
    this.#onSilent = onSilent;
  }

  /** From now on the coordinator may be silent for this long. */
  begin(ms: number): void {
    this.end();
    this.heard();
    this.#check(ms);
  }

  /** A message came. */
  heard(): void {
    this.#heardMs = this.#clock.now();
  }

  /** The timer looks at the time of the last message when it fires, so that a message costs no timer. */
  #check(ms: number): void {
    const leftMs = this.#heardMs + ms - this.#clock.now();
    if (leftMs > 0) {
      this.#timer = this.#clock.after(leftMs, () => this.#check(ms));
      return;
    }
    const message = `the coordinator sent nothing for ${ms / 1000} s`;
    this.#onSilent(new KelpieError('UNAVAILABLE', message));
  }

  end(): void {
    this.#timer();
  }
}
