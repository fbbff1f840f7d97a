/**
 * The gaps of single topics that a reader must get: the network keeps some topics for less time than others. A
 * page names all topics of which it misses events. A reader gets a gap of each topic that it reads, once.
 */
import type { TopicFilter } from '../topics/filter.js';
import type { Missing, Page } from '../journal/journal.js';

export class Holes {
  #waiting: Missing[] = [];
  /** The reader got none of them yet. */
  fresh = false;
  /** Up to which sequence the reader got a gap of a prefix. */
  readonly #sent = new Map<string, number>();

  /** Finds what a page misses that ends at a sequence, for the reader of a filter. */
  find({ missing }: Page, end: number, filter: TopicFilter): void {
    this.#waiting = missing.filter(({ prefix, upTo }) => {
      const news = (this.#sent.get(prefix) ?? 0) < Math.min(end, upTo.sequence);
      return news && filter.reaches(prefix);
    });
    this.fresh = this.size > 0;
  }

  /** Gaps that the reader did not get yet. */
  get size(): number {
    return this.#waiting.length;
  }

  /** The next gap, which the reader gets now. */
  take(): Missing | undefined {
    const hole = this.#waiting.shift();
    this.fresh = false;
    if (hole) this.#sent.set(hole.prefix, hole.upTo.sequence);
    return hole;
  }

  clear(): void {
    this.#waiting = [];
  }
}
