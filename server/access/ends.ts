/** Reports to streams and calls that their credential has ended. */
import { type Cancel, type Clock, every } from '../core/clock.js';
import type { KelpieError } from '../core/errors.js';
import { FairTurn } from '../core/fair-turn.js';

const SWEEP_MS = 1000;

interface Watch {
  /** Why the access has ended; undefined if it has not. */
  readonly fault: () => KelpieError | undefined;
  readonly ended: (error: KelpieError) => void;
  /** The sweep before this one saw the end. */
  seen: boolean;
}

export class AccessEnds {
  readonly #watches = new Set<Watch>();
  readonly #clock: Clock;
  readonly #onFault: (error: unknown) => void;
  readonly #sweeps: Cancel;
  #sweeping = false;

  constructor(clock: Clock, onFault: (error: unknown) => void) {
    this.#clock = clock;
    this.#onFault = onFault;
    this.#sweeps = every(clock, SWEEP_MS, () => void this.#sweep().catch(onFault));
  }

  /** Streams and calls whose credential may end. */
  get size(): number {
    return this.#watches.size;
  }

  /** Calls `ended` once, at the latest two sweeps after `fault` gives an error. Returns how to forget that. */
  watch(fault: Watch['fault'], ended: Watch['ended']): () => void {
    const watch = { fault, ended, seen: false };
    this.#watches.add(watch);
    return () => this.#watches.delete(watch);
  }

  close(): void {
    this.#sweeps();
  }

  async #sweep(): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    const turn = new FairTurn(this.#clock);
    try {
      for (const watch of this.#watches) {
        turn.work(() => this.#judge(watch));
        const over = turn.over();
        if (over) await over;
      }
    } finally {
      this.#sweeping = false;
    }
  }

  /** An end is reported one sweep after it was seen: the call that caused it gets its answer through. */
  #judge(watch: Watch): void {
    const error = watch.fault();
    if (!error) return;
    if (!watch.seen) {
      watch.seen = true;
      return;
    }
    this.#watches.delete(watch);
    try {
      watch.ended(error);
    } catch (fault) {
      this.#onFault(fault);
    }
  }
}
