/**
 * Timers of nodes without a stream: each node may stay away for the grace. A timer only requests a write; the
 * fence of that write decides, so a node that is back meanwhile loses nothing.
 */
import type { Members } from '../cluster/members.js';
import type { Cancel, Clock } from '../core/clock.js';
import type { Unsubscribe } from '../journal/journal.js';
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
  /** While this coordinator is cut off, no node can come back here. */
  readonly members: Pick<Members, 'cutOff' | 'onCutOff'>;
}

/** The wait before another attempt at a LOST whose write failed. */
const RETRY_MS = 1000;

export class Losses {
  readonly #options: LossesOptions;
  readonly #verdicts: Verdicts;
  /** The timer of each node, and the generation that is lost. */
  readonly #timers = new Map<string, { readonly cancel: Cancel; readonly generation: number }>();
  readonly #unsubscribe: Unsubscribe;
  #closed = false;

  constructor(options: LossesOptions, verdicts: Verdicts) {
    this.#options = options;
    this.#verdicts = verdicts;
    this.#unsubscribe = options.members.onCutOff((cutOff) => {
      if (!cutOff) this.#restart();
    });
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

  /** This coordinator was cut off, and is not any more. Nodes could not come back meanwhile: their grace begins anew. */
  #restart(): void {
    for (const [name, { generation }] of [...this.#timers]) this.inherited(name, generation);
  }

  #lose(name: string, generation: number, unreachableMs: number): void {
    const leftMs = Math.max(0, this.#options.times.graceMs - unreachableMs);
    this.#wait(name, generation, this.#options.times.graceMs - leftMs, () => {
      this.#wait(name, generation, leftMs, () => this.#expire(name, generation));
      if (!this.#options.members.cutOff)
        this.#verdicts.unreachable(name, generation).catch(this.#options.onFault);
    });
  }

  #expire(name: string, generation: number): void {
    const again = (): void =>
      this.#wait(name, generation, RETRY_MS, () => this.#expire(name, generation));
    this.#timers.delete(name);
    if (this.#options.members.cutOff) return again();
    this.#verdicts.lost(name, generation).catch((error: unknown) => {
      this.#options.onFault(error);
      // A newer loss of the same node has its own timer, which must stay.
      if (!this.#timers.has(name)) again();
    });
  }

  #wait(name: string, generation: number, delayMs: number, then: () => void): void {
    this.forget(name);
    if (this.#closed) return;
    this.#timers.set(name, { generation, cancel: this.#options.clock.after(delayMs, then) });
  }

  /** Whether the node has a timer. */
  has(name: string): boolean {
    return this.#timers.has(name);
  }

  /** The node is back, or gone for good. */
  forget(name: string): void {
    this.#timers.get(name)?.cancel();
    this.#timers.delete(name);
  }

  /** How many nodes have a timer. */
  get size(): number {
    return this.#timers.size;
  }

  /** Stops all timers. No timer starts after this. */
  close(): void {
    this.#closed = true;
    this.#unsubscribe();
    for (const name of [...this.#timers.keys()]) this.forget(name);
  }
}
