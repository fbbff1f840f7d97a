/** The old end of the log: how much there is, and what is over a limit. */
import { decodeEntry } from './file-record.js';
import type { Position, State } from './file-state.js';
import type { Store } from './file-store.js';
import type { Retention } from './journal.js';

/** What retention has to know of an entry. */
export interface Kept extends Position {
  readonly atMs: number;
  readonly bytes: number;
  readonly topic: string;
}

/** How many of the oldest entries are read at once. */
const PAGE = 256;
/**
 * How many are forgotten for one call of `append`: more than it adds, and few enough that nobody waits
 * long, also when all has grown old while the coordinator was away.
 */
const AT_ONCE = 10_000;

export class FileRetention {
  readonly #store: Store;
  readonly #limits: Retention;
  /** Entries that the store does not show yet, oldest first. */
  #fresh: Kept[] = [];
  /** The oldest entries, as far as they were read; `#next` is the first that is still kept. */
  #oldest: readonly Kept[] = [];
  #next = 0;
  /** The newest entry that the store shows. */
  #shown: number;
  /** The position before the oldest entry. */
  floor: Position;
  entries: number;
  bytes: number;

  constructor(store: Store, state: State, limits: Retention) {
    this.#store = store;
    this.#limits = limits;
    this.#shown = state.newest.sequence;
    this.floor = state.floor;
    this.entries = state.entries;
    this.bytes = state.bytes;
  }

  add(kept: Kept): void {
    this.#fresh.push(kept);
    this.entries += 1;
    this.bytes += kept.bytes;
  }

  shown(sequence: number): void {
    const [first] = this.#fresh;
    if (first) this.#fresh = this.#fresh.slice(sequence + 1 - first.sequence);
    this.#shown = sequence;
  }

  /**
   * Takes what is over a limit out of the count, oldest first, at most 10,000. What bears a time to come, because the
   * calendar clock was set back, is of no age until that clock has caught up; the other limits hold.
   */
  *over(nowMs: number): Iterable<Kept> {
    const { entries, bytes, ageMs } = this.#limits;
    for (let taken = 0; taken < AT_ONCE; taken++) {
      const kept = this.#first();
      if (!kept) return;
      if (this.entries <= entries && this.bytes <= bytes && nowMs - kept.atMs <= ageMs) return;
      this.#next += 1;
      this.entries -= 1;
      this.bytes -= kept.bytes;
      this.floor = { sequence: kept.sequence, tag: kept.tag };
      yield kept;
    }
  }

  #first(): Kept | undefined {
    if (this.entries > 0 && this.#next === this.#oldest.length) {
      this.#oldest = this.#read(this.floor.sequence + 1);
      this.#next = 0;
    }
    return this.#oldest[this.#next];
  }

  #read(from: number): readonly Kept[] {
    const [first] = this.#fresh;
    if (from > this.#shown) return first ? this.#fresh.slice(from - first.sequence) : [];
    return this.#store.range('log', from, this.#shown + 1, PAGE).map(({ key, value }) => {
      const { entry, atMs, bytes } = decodeEntry(key, value);
      return { sequence: key, tag: entry.tag, atMs, bytes, topic: entry.topic };
    });
  }
}
