/** The progress of a command while it runs, for a person at a terminal: one line that changes. */
import { performance } from 'node:perf_hooks';
import { type Screen, showStatus } from './terminal.js';

const REDRAW_MS = 100;

export class Progress {
  readonly #screen: Screen;
  readonly #now: () => number;
  #shownMs = -Infinity;

  /** `now`: a monotonic clock, in milliseconds. */
  constructor(screen: Screen = process.stderr, now = (): number => performance.now()) {
    this.#screen = screen;
    this.#now = now;
  }

  /** Shows the text, unless the last one was shown too short a time ago. */
  show(text: string): void {
    const nowMs = this.#now();
    if (nowMs - this.#shownMs < REDRAW_MS) return;
    this.#shownMs = nowMs;
    showStatus(this.#screen, text);
  }

  /** Clears the line. */
  end(): void {
    if (this.#shownMs > -Infinity) showStatus(this.#screen, '');
    this.#shownMs = -Infinity;
  }
}
