/**
 * A lock: a value that is bound to this process. Its sequence is the token of the lock. A process that was paused may
 * believe that it still has the lock, so a write that depends on the lock names it as `guard`: then the coordinator
 * refuses the write once the lock is lost.
 */
import type { ValueGuard } from './value.js';

/** The functions that a lock gets from the client. */
export interface LockParts {
  /** Deletes the value of the lock. Resolves when the lock is free, or was lost. */
  readonly free: () => Promise<void>;
  /** Stops following the value. */
  readonly close: () => void;
}

/** A lock that this process got. */
export class Lock {
  /** The token: it grows with each holder of the lock. */
  readonly token: number;
  /** For the writes that need the lock: `put(…, { guard: lock.guard })` rejects with SEQUENCE_CONFLICT without it. */
  readonly guard: ValueGuard;
  /** Resolves when the process has lost the lock, or has released it. */
  readonly lost: Promise<void>;
  readonly #parts: LockParts;
  #held = true;
  #lose: () => void;
  #released: Promise<void> | undefined;

  /** @internal `client.state.lock` makes it. */
  constructor(guard: ValueGuard, parts: LockParts) {
    let lose = (): void => undefined;
    this.lost = new Promise((resolve) => (lose = resolve));
    this.#lose = lose;
    this.token = guard.sequence;
    this.guard = guard;
    this.#parts = parts;
  }

  /**
   * Whether the process has the lock, as far as it can see. A process without a connection loses it at the end of the
   * grace. Only `guard` protects a write in every case.
   */
  held(): boolean {
    return this.#held;
  }

  /** Frees the lock. Resolves when the coordinator has done so, also over reconnects, or when the lock was lost. */
  release(): Promise<void> {
    if (this.#held) {
      this.lose();
      this.#released = this.#parts.free();
    }
    return this.#released ?? Promise.resolve();
  }

  /** @internal The lock is lost. */
  lose(): void {
    this.#held = false;
    this.#parts.close();
    this.#lose();
  }
}
