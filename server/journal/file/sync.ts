/** When a journal with `sync: interval` puts on the disk what it told: soon after, one sync at a time. */
import type { Cancel, Clock } from '../../core/clock.js';
import type { Store } from './store.js';

const INTERVAL_MS = 50;
/** More entries than could be stored between two syncs. */
const CEILING_ENTRIES = 2 ** 24;

interface Parts {
  readonly store: Store;
  readonly clock: Clock;
  /** Has `beginIfDue` called soon. */
  readonly wake: () => void;
  readonly fail: (error: unknown) => void;
}

export class IntervalSync {
  readonly #parts: Parts;
  /** Something was told that is not on the disk, and no sync has begun for it. */
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

  /** Called between two commits, as the store demands; the sync goes on beside the next ones. */
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

  /** Begins none any more; resolves when none is under way. */
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

/** No sequence above it is handed out before the next sync, which a new epoch relies on. */
export function ceilingAbove(newest: number): number {
  return newest + CEILING_ENTRIES;
}
