/**
 * What a reader is to be told is lost of some topics alone: those that the network keeps for less than
 * others. A page names all that it misses; a reader is told of what it reads, and once.
 */
import type { TopicFilter } from '../topics/filter.js';
import type { Missing, Page } from '../journal/journal.js';

export class Holes {
  #waiting: Missing[] = [];
  /** The reader was told of none of them yet. */
  fresh = false;
  /** Up to where the reader was told that a prefix is lost. */
  readonly #told = new Map<string, number>();

  /** Takes what a page misses that ends at a sequence, for the reader of a filter. */
  find({ missing }: Page, end: number, filter: TopicFilter): void {
    this.#waiting = missing.filter(({ prefix, upTo }) => {
      const news = (this.#told.get(prefix) ?? 0) < Math.min(end, upTo.sequence);
      return news && filter.reaches(prefix);
    });
    this.fresh = this.size > 0;
  }

  /** How many the reader was not told yet. */
  get size(): number {
    return this.#waiting.length;
  }

  /** The next one, which the reader is told now. */
  take(): Missing | undefined {
    const hole = this.#waiting.shift();
    this.fresh = false;
    if (hole) this.#told.set(hole.prefix, hole.upTo.sequence);
    return hole;
  }

  clear(): void {
    this.#waiting = [];
  }
}
