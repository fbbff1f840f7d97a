/** One watch: which values are there, and the changes that its handler has not taken yet. */
import type { EndedValue, SharedValue, ValueChange } from '../events/shared-value.js';

/**
 * Takes a change. It may return a promise: the next call of the watch waits for it. Of the changes that come to one
 * value meanwhile, the handler gets the newest.
 */
export type ValueHandler = (change: ValueChange) => void | PromiseLike<void>;

interface Known {
  readonly bucket: string;
  readonly key: string;
  /** 0: the value is from another history, and no Snapshot has confirmed it. */
  readonly sequence: number;
}

export class Watch {
  readonly #handler: ValueHandler;
  readonly #onLoaded: (sequence: number) => void;
  readonly #onFailure: (error: unknown) => void;
  /** The values that are there. */
  readonly #present = new Map<string, Known>();
  /** The newest change of each value that the handler has not taken. */
  readonly #waiting = new Map<string, ValueChange>();
  /** The keys that the Snapshot has named, while one is on its way, and its position. */
  #snapshot: { readonly named: Set<string>; readonly sequence: number } | undefined;
  #running = false;
  #closed = false;
  #loaded = (): void => undefined;
  readonly loaded = new Promise<void>((resolve) => (this.#loaded = resolve));
  /** Whether a Snapshot was complete. */
  complete = false;

  constructor(
    handler: ValueHandler,
    onLoaded: (sequence: number) => void,
    onFailure: (error: unknown) => void,
  ) {
    this.#handler = handler;
    this.#onLoaded = onLoaded;
    this.#onFailure = onFailure;
  }

  /** A Snapshot begins that answers the pattern. */
  begin(sequence: number): void {
    this.#snapshot = { named: new Set(), sequence };
  }

  /** The stream ended, and with it the Snapshot on its way. */
  interrupt(): void {
    this.#snapshot = undefined;
  }

  /** Takes a value if it is newer than the present one. */
  put(value: SharedValue): void {
    const { bucket, key, sequence } = value;
    const name = nameOf(value);
    this.#snapshot?.named.add(name);
    if (sequence <= (this.#present.get(name)?.sequence ?? 0)) return;
    this.#present.set(name, { bucket, key, sequence });
    this.#report(name, value);
  }

  /** Takes the end of a value if it is newer than the value. */
  end(end: EndedValue): void {
    const name = nameOf(end);
    const known = this.#present.get(name);
    if (!known || end.sequence <= known.sequence) return;
    this.#present.delete(name);
    this.#report(name, end);
  }

  /** The Snapshot is complete: values that it does not name have ended. */
  finish(): void {
    if (!this.#snapshot) return;
    const { named, sequence } = this.#snapshot;
    this.#snapshot = undefined;
    for (const [name, known] of this.#present) {
      if (named.has(name)) continue;
      this.#present.delete(name);
      this.#report(name, { ...known, sequence, ended: 'UNKNOWN' });
    }
    this.complete = true;
    this.#loaded();
    this.#onLoaded(sequence);
  }

  /** The values are from another history from now on, so any value of the next one is newer. */
  outdate(): void {
    for (const [name, known] of this.#present) this.#present.set(name, { ...known, sequence: 0 });
  }

  close(): void {
    this.#closed = true;
    this.#waiting.clear();
    this.#loaded();
  }

  #report(name: string, change: ValueChange): void {
    if (this.#closed) return;
    this.#waiting.set(name, change);
    if (!this.#running) this.#run();
  }

  #run(): void {
    for (const [name, change] of this.#waiting) {
      this.#waiting.delete(name);
      const handling = this.#handle(change);
      if (!handling) continue;
      this.#running = true;
      void handling.then(() => {
        this.#running = false;
        this.#run();
      });
      return;
    }
  }

  /** Resolves when the handler has settled; undefined if it has settled already. */
  #handle(change: ValueChange): Promise<void> | undefined {
    try {
      const result: unknown = this.#handler(change);
      if (!isThenable(result)) return undefined;
      return Promise.resolve(result).then(() => undefined, this.#onFailure);
    } catch (error) {
      this.#onFailure(error);
      return undefined;
    }
  }
}

/** A bucket has no slash in its name. */
function nameOf({ bucket, key }: { readonly bucket: string; readonly key: string }): string {
  return `${bucket}/${key}`;
}

function isThenable(result: unknown): result is PromiseLike<unknown> {
  return typeof (result as Partial<PromiseLike<unknown>> | null | undefined)?.then === 'function';
}
