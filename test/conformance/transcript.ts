/** The events of a scenario, with times; and the waits for the next ones. */
import { EventEmitter } from 'node:events';

/** How long a step may take. */
const STEP_MS = 6000;

export class Transcript {
  readonly lines: string[] = [];
  readonly #news = new EventEmitter().setMaxListeners(0);
  readonly #startedMs = performance.now();
  readonly #stepMs: number;

  /** @param stepMs how long a step may take */
  constructor(stepMs = STEP_MS) {
    this.#stepMs = stepMs;
  }

  add(line: string): void {
    const ms = Math.round(performance.now() - this.#startedMs);
    this.lines.push(`${String(ms).padStart(6)} ms  ${line}`);
    this.#news.emit('news');
  }

  /** Waits until `find` returns a value. It is called after each line. Throws after `withinMs`. */
  async until<T>(
    find: () => T | undefined,
    what: () => string,
    withinMs = this.#stepMs,
  ): Promise<T> {
    const deadline = AbortSignal.timeout(withinMs);
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      await new Promise<void>((resolve, reject) => {
        const end = (): void => {
          this.#news.off('news', news);
          deadline.removeEventListener('abort', late);
        };
        const news = (): void => {
          end();
          resolve();
        };
        const late = (): void => {
          end();
          reject(new Error(`waited ${withinMs} ms in vain for ${what()}`));
        };
        this.#news.once('news', news);
        deadline.addEventListener('abort', late);
      });
    }
  }
}
