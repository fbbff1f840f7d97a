/** The answers to a request that has many, until a reader takes them. */
import type { KelpieError } from '../errors.js';

/** The most bytes of answers that wait to be read. */
export const UNREAD_BYTES = 16 * 1024 * 1024;

interface Unread<Result> {
  readonly result: Result;
  readonly bytes: number;
}

export class Results<Result> {
  readonly #unread: Unread<Result>[] = [];
  #bytes = 0;
  #end: { readonly error: KelpieError | undefined } | undefined;
  #wake = (): void => undefined;

  /** Whether no more answers come. */
  get ended(): boolean {
    return this.#end !== undefined;
  }

  /** Adds an answer. Returns false if more than UNREAD_BYTES wait. */
  push(result: Result, measure: () => number): boolean {
    // Measuring costs time, so an answer that the reader takes at once counts nothing.
    const bytes = this.#unread.length > 0 ? measure() : 0;
    this.#unread.push({ result, bytes });
    this.#bytes += bytes;
    this.#wake();
    return this.#bytes <= UNREAD_BYTES;
  }

  /** No more answers come. The reader gets those that wait, then the error. Only the first end counts. */
  end(error?: KelpieError): void {
    this.#end ??= { error };
    this.#wake();
  }

  /** The answers as they come, for one reader. */
  async *read(): AsyncGenerator<Result, void> {
    for (;;) {
      const next = this.#unread.shift();
      if (next) {
        this.#bytes -= next.bytes;
        yield next.result;
      } else if (this.#end?.error) throw this.#end.error;
      else if (this.#end) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
