/**
 * Pages of the journal, for readers that are behind the tail. Readers that want the same page at the same time
 * share one reading.
 */
import { type Cursor, hex } from '../core/cursor.js';
import type { Journal, JournalGap, Page } from '../journal/journal.js';
import type { ReadingTurn } from './reading-turn.js';

/** The size of a page: as much as goes into a batch, so that no entry is read in vain. */
export interface PageLimits {
  readonly events: number;
  readonly bytes: number;
}

export class Pages {
  /** The turn in which readers do long work. */
  readonly turn: ReadingTurn;
  readonly #journal: Pick<Journal, 'read'>;
  /** Readings that are under way. */
  readonly #readings = new Map<string, Promise<Page | JournalGap>>();

  constructor(journal: Pick<Journal, 'read'>, turn: ReadingTurn) {
    this.#journal = journal;
    this.turn = turn;
  }

  /** A page, as the journal's `read` gives it. */
  read(after: Cursor, { events, bytes }: PageLimits): Promise<Page | JournalGap> {
    const key = `${hex(after.epoch)} ${after.sequence} ${after.tag} ${events} ${bytes}`;
    let reading = this.#readings.get(key);
    if (!reading) {
      reading = this.#journal.read(after, events, bytes).finally(() => this.#readings.delete(key));
      this.#readings.set(key, reading);
    }
    return reading;
  }
}
