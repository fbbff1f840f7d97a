/**
 * Whoever wants to hear of something. What a listener throws is its own fault: it is reported, and touches
 * neither the others that listen nor whatever calls them.
 */

type Listener<Heard extends readonly unknown[]> = (...heard: Heard) => void;

export class Listeners<Heard extends readonly unknown[]> {
  readonly #listeners = new Set<Listener<Heard>>();
  readonly #onFault: (error: unknown) => void;

  /** `onFault` must not throw. Default: a warning of the process. */
  constructor(onFault: (error: unknown) => void = warn) {
    this.#onFault = onFault;
  }

  /** Returns how to forget it. */
  add(listener: Listener<Heard>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls them in the order in which they came. Never throws. */
  tell(...heard: Heard): void {
    for (const listener of this.#listeners) {
      try {
        listener(...heard);
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
