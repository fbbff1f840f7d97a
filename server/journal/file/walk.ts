/** The log as retention reads it: oldest first, with the entries that the store does not show yet. */
import { decodeEntry } from './record.js';
import type { Position } from './state.js';
import type { Store } from './store.js';

/** The facts of an entry that retention needs. */
export interface Kept extends Position {
  readonly atMs: number;
  /** The latest time of this entry and of all entries before it. */
  readonly latestMs: number;
  readonly bytes: number;
  readonly topic: string;
}

/** How many entries the walk reads at once. */
const PAGE = 256;

/** The entries that the store shows, followed by the newer entries that are decided. */
export class DecidedLog {
  readonly #store: Store;
  /** Entries that the store does not show yet, oldest first. */
  #fresh: Kept[] = [];
  /** The newest entry that the store shows. */
  #shown: number;

  constructor(store: Store, shown: number) {
    this.#store = store;
    this.#shown = shown;
  }

  add(kept: Kept): void {
    this.#fresh.push(kept);
  }

  shown(sequence: number): void {
    const [first] = this.#fresh;
    if (first) this.#fresh = this.#fresh.slice(sequence + 1 - first.sequence);
    this.#shown = sequence;
  }

  /** Some entries from a sequence on. Entries that were removed a moment ago may be among them. */
  from(sequence: number): readonly Kept[] {
    const stored =
      sequence > this.#shown
        ? []
        : this.#store.range('log', sequence, this.#shown + 1, PAGE).map(({ key, value }) => {
            const { entry, atMs, latestMs, bytes } = decodeEntry(key, value);
            return { sequence: key, tag: entry.tag, atMs, latestMs, bytes, topic: entry.topic };
          });
    const [first] = this.#fresh;
    if (stored.length > 0 || !first) return stored;
    return this.#fresh.slice(Math.max(0, sequence - first.sequence));
  }
}

/** A place in the log. */
export class Walk {
  readonly #log: DecidedLog;
  #page: readonly Kept[] = [];
  #index = 0;
  #next: number;

  constructor(log: DecidedLog, after: number) {
    this.#log = log;
    this.#next = after + 1;
  }

  /** The entry at this place; undefined at the end of the log, until there are more. */
  get current(): Kept | undefined {
    if (this.#index === this.#page.length) {
      this.#page = this.#log.from(this.#next);
      this.#index = 0;
    }
    return this.#page[this.#index];
  }

  /** Moves past the current entry. */
  step(): void {
    const { current } = this;
    if (!current) return;
    this.#next = current.sequence + 1;
    this.#index += 1;
  }
}
