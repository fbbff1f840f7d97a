/**
 * Asks a proxy for its list again when the storage was away: a report or a list was not stored, or nobody knows whether it
 * was. The list then settles both. Nothing else would: the proxy may not know which players the lost answer gave to it.
 */
import type { Clock } from '../core/clock.js';
import { KelpieError } from '../core/errors.js';
import type { Network } from '../network/network.js';

/** How often this looks whether the storage is there again. */
const LOOK_MS = 500;
const AWAY: ReadonlySet<string> = new Set(['OUTCOME_UNKNOWN', 'ENGINE_UNAVAILABLE']);

export class Resync {
  readonly #network: Pick<Network, 'caughtUp' | 'head' | 'readOnly' | 'ended'>;
  readonly #clock: Clock;
  readonly #ask: () => void;
  #isUnsure = false;
  #cancel: (() => void) | undefined;
  #closed = false;

  /** `ask` asks the proxy for its list. */
  constructor(
    network: Pick<Network, 'caughtUp' | 'head' | 'readOnly' | 'ended'>,
    clock: Clock,
    ask: () => void,
  ) {
    this.#network = network;
    this.#clock = clock;
    this.#ask = ask;
  }

  /** Whether the proxy will be asked. */
  get waits(): boolean {
    return this.#cancel !== undefined;
  }

  /** Follows a report or a list, which may store a part before it fails. Rejects as it does. */
  async follow<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      this.failed(error);
      throw error;
    }
  }

  /** A report or a list failed. */
  failed(error: unknown): void {
    if (!(error instanceof KelpieError) || !AWAY.has(error.reason)) return;
    this.#isUnsure = true;
    this.#wait(0);
  }

  #wait(ms: number): void {
    const { readOnly, ended } = this.#network;
    // On its next stream the proxy sends its list anyway.
    if (this.#closed || this.waits || readOnly || ended) return;
    this.#cancel = this.#clock.after(ms, () => void this.#look());
  }

  async #look(): Promise<void> {
    const isThere = await this.#network.caughtUp().then(
      () => true,
      () => false,
    );
    this.#cancel = undefined;
    if (this.#closed) return;
    if (isThere) this.#ask();
    else this.#wait(LOOK_MS);
  }

  /**
   * After a failure, the players whom the proxy got up to this sequence are settled by its list, although it may not have
   * received their generations. 0: there was none. Rejects if the storage cannot be asked.
   */
  async settledUpTo(): Promise<number> {
    if (!this.#isUnsure) return 0;
    await this.#network.caughtUp();
    return this.#network.head.sequence;
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
  }
}
