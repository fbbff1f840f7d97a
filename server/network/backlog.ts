/**
 * The writes of one network that wait for the journal. Above the limits publishers wait, first come first served.
 * Writes about nodes and players count too but never wait, so presence does not queue behind chat.
 */
import { FairTurn, othersTurn } from '../core/fair-turn.js';
import type { Clock } from '../core/clock.js';
import type { Transaction } from '../journal/journal.js';
import type { Limits } from './limits.js';

/** The bytes that an entry counts in addition to its own. */
const ENTRY_BYTES = 256;

/** The size of a transaction. */
export interface Weight {
  readonly entries: number;
  readonly bytes: number;
}

export class Backlog {
  readonly #limits: Pick<Limits, 'backlogEntries' | 'backlogBytes'>;
  readonly #clock: Clock;
  #entries = 0;
  #bytes = 0;
  #waiting: (() => void)[] = [];
  #admitting = false;

  constructor(limits: Pick<Limits, 'backlogEntries' | 'backlogBytes'>, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Whether a new publish must wait: the backlog is full, or other publishers already wait. */
  get closed(): boolean {
    return this.#full || this.#waiting.length > 0;
  }

  get #full(): boolean {
    const { backlogEntries, backlogBytes } = this.#limits;
    return this.#entries >= backlogEntries || this.#bytes >= backlogBytes;
  }

  /** Entries of the writes that the journal has not answered yet. */
  get entries(): number {
    return this.#entries;
  }

  /** Bytes of these writes. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Calls `publish` now, or later when the backlog has room; then this returns a promise. `publish` must commit
   * in the same turn of the event loop and must not throw.
   */
  admit(publish: () => void): Promise<void> | undefined {
    if (!this.closed) {
      publish();
      return undefined;
    }
    return new Promise((resolve) => {
      this.#waiting.push(() => {
        publish();
        resolve();
      });
    });
  }

  enter({ entries, bytes }: Weight): void {
    this.#entries += entries;
    this.#bytes += bytes;
  }

  leave({ entries, bytes }: Weight): void {
    this.#entries -= entries;
    this.#bytes -= bytes;
    if (this.#waiting.length > 0 && !this.#admitting) void this.#admitWaiting();
  }

  /** In fair turns: after a slow write of the journal, many publishers may fit at once. */
  async #admitWaiting(): Promise<void> {
    const turn = new FairTurn(this.#clock);
    this.#admitting = true;
    // In a later turn: the caller of `leave` has not finished its own work.
    await othersTurn();
    while (!this.#full) {
      const publish = this.#waiting.shift();
      if (!publish) break;
      turn.work(publish);
      const over = turn.over();
      if (over) await over;
    }
    this.#admitting = false;
  }
}

/** The share of a transaction in the backlog until the journal has answered. */
export function weightOf({ entries }: Transaction): Weight {
  let bytes = 0;
  for (const { topic, event, value } of entries) {
    bytes += ENTRY_BYTES + topic.length + event.length + (value?.length ?? 0);
  }
  return { entries: entries.length, bytes };
}
