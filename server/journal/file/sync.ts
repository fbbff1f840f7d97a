/** Times the syncs of a journal with `sync: interval`: soon after an acknowledgement, one sync at a time. */
import type { Cancel, Clock } from '../../core/clock.js';
import type { Store } from './store.js';

const INTERVAL_MS = 50;
/** More entries than the journal can store between two syncs. */
const CEILING_ENTRIES = 2 ** 24;

interface Parts {
  readonly store: Store;
  readonly clock: Clock;
  /** Makes the journal call `beginIfDue` soon. */
  readonly wake: () => void;
  readonly fail: (error: unknown) => void;
}

export class IntervalSync {
  readonly #parts: Parts;
  /** The journal acknowledged a commit, and no sync has begun since. */
  #owed = false;
  #due = false;
  #stopped = false;
  #cancel: Cancel | undefined;
  #running: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get due(): boolean {
    return this.#due;
  }

  committed(): void {
    this.#owed = true;
    this.#schedule();
  }

  /** The journal calls it between two commits, as the store requires. The sync goes on during the next commits. */
  beginIfDue(newest: number): void {
    if (!this.#due) return;
    this.#due = false;
    this.#owed = false;
    this.#running = this.#parts.store.sync(ceilingAbove(newest)).then(
      () => {
        this.#running = undefined;
        if (this.#owed) this.#schedule();
      },
      (error: unknown) => this.#parts.fail(error),
    );
  }

  /** Begins no more syncs. Resolves when none is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#due = false;
    this.#cancel?.();
    await this.#running;
  }

  #schedule(): void {
    if (this.#stopped || this.#due || this.#running || this.#cancel) return;
    this.#cancel = this.#parts.clock.after(INTERVAL_MS, () => {
      this.#cancel = undefined;
      this.#due = true;
      this.#parts.wake();
    });
  }
}

/** The journal uses no sequence above the ceiling before the next sync. A new epoch relies on that. */
export function ceilingAbove(newest: number): number {
  return newest + CEILING_ENTRIES;
}
