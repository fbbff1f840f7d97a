/** The log as retention goes through it: oldest first, whether the store shows it yet or not. */
import { decodeEntry } from './record.js';
import type { Position } from './state.js';
import type { Store } from './store.js';

/** What retention has to know of an entry. */
export interface Kept extends Position {
  readonly atMs: number;
  /** The latest time of it and of all before it. */
  readonly latestMs: number;
  readonly bytes: number;
  readonly topic: string;
}

/** How many entries are read at once. */
const PAGE = 256;

/** What the store shows, and after it what was decided since. */
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

  /** Some entries from a sequence on. What was removed since the store shows it may be among them. */
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

  /** The entry here; undefined at the end, until there are more. */
  get current(): Kept | undefined {
    if (this.#index === this.#page.length) {
      this.#page = this.#log.from(this.#next);
      this.#index = 0;
    }
    return this.#page[this.#index];
  }

  /** Past the current one. */
  step(): void {
    const { current } = this;
    if (!current) return;
    this.#next = current.sequence + 1;
    this.#index += 1;
  }
}
