/**
 * What waits for the journal, of one network. Above its limits publishers wait in the order in which they came;
 * what else is written (nodes, players) is weighed and never waits, so that presence does not stand behind chat.
 */
import { FairTurn, othersTurn } from '../core/fair-turn.js';
import type { Clock } from '../core/clock.js';
import type { Transaction } from '../journal/journal.js';
import type { Limits } from './limits.js';

/** What an entry takes beside its bytes. */
const ENTRY_BYTES = 256;

/** How much something is. */
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

  /** No more may be published now: it is full, or others wait already. */
  get closed(): boolean {
    return this.#full || this.#waiting.length > 0;
  }

  get #full(): boolean {
    const { backlogEntries, backlogBytes } = this.#limits;
    return this.#entries >= backlogEntries || this.#bytes >= backlogBytes;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Calls `publish`, which must commit in the same turn and not throw: now, or when its turn has come. A
   * promise where that is later.
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

  /** In fair turns: much may fit at once when the journal was slow. */
  async #admitWaiting(): Promise<void> {
    const turn = new FairTurn(this.#clock);
    this.#admitting = true;
    // Not at once: whoever leaves is in the middle of something.
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

/** How much a transaction is until it is stored. */
export function weightOf({ entries }: Transaction): Weight {
  let bytes = 0;
  for (const { topic, event, value } of entries) {
    bytes += ENTRY_BYTES + topic.length + event.length + (value?.length ?? 0);
  }
  return { entries: entries.length, bytes };
}
