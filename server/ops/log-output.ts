/**
 * Lines on their way to stderr. A pipe that nobody reads takes no more at some point; the coordinator
 * must not stand still with it. So lines wait, up to a bound; those beyond it are left out and counted,
 * and the count is a line of its own once the pipe is read again.
 *
 * A file and a terminal take a line before `write` returns, and so does a pipe that has room: what is
 * logged last before a crash is not lost. Not promised: that a terminal which somebody has stopped
 * (Ctrl+S) holds nothing up.
 */

/** Bytes that may wait, and one line more. */
const MOST_BYTES = 2 ** 20;
/** How long the end of the process waits for a reader. */
const FLUSH_MS = 1000;

/** As process.stderr is. */
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
  #told = 0;

  /** `onDrain` hears how many lines were left out, once all that waited is written. */
  constructor(stream: LogStream, onDrain: (lost: number) => void) {
    this.#stream = stream;
    this.#onDrain = onDrain;
    // Its reader has gone: there is nobody to say it to.
    stream.on('error', () => undefined);
  }

  /** Lines that were left out, in all. */
  get lost(): number {
    return this.#lost;
  }

  write(line: string): void {
    if (this.#stream.writableLength < MOST_BYTES) {
      this.#stream.write(line);
      return;
    }
    if (this.#lost === this.#told) this.#stream.once('drain', () => this.#tell());
    this.#lost += 1;
  }

  /** Resolves when all that waits is written, or after a second. */
  async flush(): Promise<void> {
    if (this.#stream.writableLength === 0) return;
    await new Promise<void>((resolve) => {
      setTimeout(resolve, FLUSH_MS);
      this.#stream.write('', resolve);
    });
  }

  #tell(): void {
    const lost = this.#lost - this.#told;
    this.#told = this.#lost;
    this.#onDrain(lost);
  }
}
