/**
 * Timers of nodes without a stream: each node may stay away for the grace. A timer only requests a write; the
 * fence of that write decides, so a node that is back meanwhile loses nothing.
 */
import type { Cancel, Clock } from '../core/clock.js';
import type { Times } from '../network/limits.js';

/** The two writes about a node that stays away. Each must require the generation as its fence. */
export interface Verdicts {
  unreachable(name: string, generation: number): Promise<unknown>;
  lost(name: string, generation: number): Promise<unknown>;
}

/** The clock and times that losses use. */
export interface LossesOptions {
  readonly clock: Clock;
  readonly times: Pick<Times, 'unreachableMs' | 'graceMs'>;
  readonly onFault: (error: unknown) => void;
}

/** The wait before another attempt at a LOST whose write failed. */
const RETRY_MS = 1000;

export class Losses {
  readonly #options: LossesOptions;
  readonly #verdicts: Verdicts;
  readonly #timers = new Map<string, Cancel>();
  #closed = false;

  constructor(options: LossesOptions, verdicts: Verdicts) {
    this.#options = options;
    this.#verdicts = verdicts;
  }

  /** This coordinator saw the stream end without a goodbye: UNREACHABLE soon, LOST after the grace. */
  seen(name: string, generation: number): void {
    this.#lose(name, generation, this.#options.times.unreachableMs);
  }

  /**
   * The coordinator that held the stream is gone; the node may well live. It has the whole grace from now on. A
   * node that lives tries to connect within a third of the grace. It keeps its state for two such thirds, and is
   * UNREACHABLE for the last one.
   */
  inherited(name: string, generation: number): void {
    this.#lose(name, generation, (this.#options.times.graceMs * 2) / 3);
  }

  #lose(name: string, generation: number, unreachableMs: number): void {
    const leftMs = Math.max(0, this.#options.times.graceMs - unreachableMs);
    this.#wait(name, this.#options.times.graceMs - leftMs, () => {
      this.#wait(name, leftMs, () => this.#expire(name, generation));
      this.#verdicts.unreachable(name, generation).catch(this.#options.onFault);
    });
  }

  #expire(name: string, generation: number): void {
    this.#timers.delete(name);
    this.#verdicts.lost(name, generation).catch((error: unknown) => {
      this.#options.onFault(error);
      // A newer loss of the same node has its own timer, which must stay.
      if (!this.#timers.has(name)) {
        this.#wait(name, RETRY_MS, () => this.#expire(name, generation));
      }
    });
  }

  #wait(name: string, delayMs: number, then: () => void): void {
    this.forget(name);
    if (!this.#closed) this.#timers.set(name, this.#options.clock.after(delayMs, then));
  }

  /** Whether the node has a timer. */
  has(name: string): boolean {
    return this.#timers.has(name);
  }

  /** The node is back, or gone for good. */
  forget(name: string): void {
    this.#timers.get(name)?.();
    this.#timers.delete(name);
  }

  /** How many nodes have a timer. */
  get size(): number {
    return this.#timers.size;
  }

  /** Stops all timers. No timer starts after this. */
  close(): void {
    this.#closed = true;
    for (const name of [...this.#timers.keys()]) this.forget(name);
  }
}
