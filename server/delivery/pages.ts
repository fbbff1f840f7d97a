/**
 * Pages of the journal, for readers that are behind the tail. Readers that want the same page at the same time
 * share one reading. While the engine is away, readers wait: they stay where they are, and go on when it is back.
 */
import type { Clock } from '../core/clock.js';
import { type Cursor, hex } from '../core/cursor.js';
import { KelpieError } from '../core/errors.js';
import type { Journal, JournalGap, Page } from '../journal/journal.js';
import type { ImportedHistory } from './imported.js';
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
  readonly #clock: Clock;
  /** Readings that are under way. */
  readonly #readings = new Map<string, Promise<Page | JournalGap | undefined>>();

  readonly #imported: Pick<ImportedHistory, 'gapOf'> | undefined;

  constructor(
    journal: Pick<Journal, 'read'>,
    turn: ReadingTurn,
    clock: Clock,
    imported?: Pick<ImportedHistory, 'gapOf'>,
  ) {
    this.#journal = journal;
    this.#imported = imported;
    this.turn = turn;
    this.#clock = clock;
  }

  /**
   * A page, as the journal's `read` gives it; the gap of a reader from before an import is longer. Undefined after a pause if the engine was away: look again.
   */
  read(after: Cursor, { events, bytes }: PageLimits): Promise<Page | JournalGap | undefined> {
    const key = `${hex(after.epoch)} ${after.sequence} ${after.tag} ${events} ${bytes}`;
    let reading = this.#readings.get(key);
    if (!reading) {
      reading = this.#attempt(after, events, bytes).finally(() => this.#readings.delete(key));
      this.#readings.set(key, reading);
    }
    return reading;
  }

  async #attempt(
    after: Cursor,
    events: number,
    bytes: number,
  ): Promise<Page | JournalGap | undefined> {
    try {
      const found = await this.#journal.read(after, events, bytes);
      return found.kind === 'gap' ? (this.#imported?.gapOf(found) ?? found) : found;
    } catch (error) {
      if (!(error instanceof KelpieError) || error.reason !== 'ENGINE_UNAVAILABLE') throw error;
      await new Promise<void>((resolve) => this.#clock.after(error.retryAfterMs ?? 0, resolve));
      return undefined;
    }
  }
}
