/**
 * A list of listeners. If a listener throws, its error is reported; the other listeners and the caller are not
 * affected.
 */

type Listener<Args extends readonly unknown[]> = (...args: Args) => void;

export class Listeners<Args extends readonly unknown[]> {
  readonly #listeners = new Set<Listener<Args>>();
  readonly #onFault: (error: unknown) => void;

  /** `onFault` gets the errors of listeners and must not throw. By default the process emits a warning. */
  constructor(onFault: (error: unknown) => void = warn) {
    this.#onFault = onFault;
  }

  get size(): number {
    return this.#listeners.size;
  }

  /** Returns a function that removes the listener. */
  add(listener: Listener<Args>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls the listeners in the order in which they were added. Never throws. */
  tell(...args: Args): void {
    for (const listener of this.#listeners) {
      try {
        listener(...args);
      } catch (error) {
        this.#onFault(error);
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error));
}
