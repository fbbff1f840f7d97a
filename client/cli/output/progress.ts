/** The progress of a command while it runs, for a person at a terminal: one line that changes. */
import { performance } from 'node:perf_hooks';
import { showStatus } from './terminal.js';

const REDRAW_MS = 100;

export class Progress {
  #shownMs = -Infinity;

  /** Shows the text, unless the last one was shown too short a time ago. */
  show(text: string): void {
    const nowMs = performance.now();
    if (nowMs - this.#shownMs < REDRAW_MS) return;
    this.#shownMs = nowMs;
    showStatus(text);
  }

  /** Clears the line. */
  end(): void {
    if (this.#shownMs > -Infinity) showStatus('');
    this.#shownMs = -Infinity;
  }
}
