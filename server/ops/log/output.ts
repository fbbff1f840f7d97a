/**
 * Writes log lines to stderr. If no process reads the pipe, it fills up, and the coordinator must not stop for that. So
 * lines wait, up to a limit. The log drops the lines beyond the limit and counts them; when the pipe is read again,
 * one line reports the count.
 *
 * A file and a terminal accept a line before `write` returns, and so does a pipe with room: a crash does not lose the
 * last lines. A terminal that a user has stopped (Ctrl+S) may still stop the coordinator.
 */

/** If more bytes than this wait, the log drops lines. */
const MOST_BYTES = 2 ** 20;
/** How long the end of the process waits until the lines are written. */
const FLUSH_MS = 1000;

/** The part of process.stderr that the log needs. */
export interface LogStream {
  readonly writableLength: number;
  write(text: string, done?: () => void): boolean;
  on(event: 'error', listener: () => void): unknown;
  once(event: 'drain', listener: () => void): unknown;
}

export class LogOutput {
  readonly #stream: LogStream;
  readonly #onDrain: (lost: number) => void;
  #lost = 0;
  #reported = 0;

  /** `onDrain` gets the number of dropped lines when all waiting lines are written. */
  constructor(stream: LogStream, onDrain: (lost: number) => void) {
    this.#stream = stream;
    this.#onDrain = onDrain;
    // The reader of the pipe is gone, so the error cannot be reported either.
    stream.on('error', () => undefined);
  }

  /** The number of all dropped lines. */
  get lost(): number {
    return this.#lost;
  }

  write(line: string): void {
    if (this.#stream.writableLength < MOST_BYTES) {
      this.#stream.write(line);
      return;
    }
    if (this.#lost === this.#reported) this.#stream.once('drain', () => this.#report());
    this.#lost += 1;
  }

  /** Resolves when all waiting lines are written, or after a second. */
  async flush(): Promise<void> {
    if (this.#stream.writableLength === 0) return;
    await new Promise<void>((resolve) => {
      setTimeout(resolve, FLUSH_MS);
      this.#stream.write('', resolve);
    });
  }

  #report(): void {
    const lost = this.#lost - this.#reported;
    this.#reported = this.#lost;
    this.#onDrain(lost);
  }
}
