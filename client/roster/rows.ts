/**
 * Rows of one kind, from a Snapshot and the events after it. If a coordinator loses its history, rows that the new
 * history does not have yet stay for a while, marked stale.
 */

interface StoredRow<T> {
  readonly value: T;
  /** The sequence of the event that last wrote the row. */
  readonly sequence: number;
  /** The row comes from another history or a file, and no coordinator has confirmed it yet. Any other row is newer. */
  readonly stale: boolean;
}

/** Called with each row that changes, before and after the change. */
export type OnRowChange<T> = (before: T | undefined, after: T | undefined) => void;

export class Rows<T> {
  readonly #rows = new Map<string, StoredRow<T>>();
  readonly #keyOf: (value: T) => string;
  readonly #onChange: OnRowChange<T>;
  /** The keys of the Snapshot that has begun and is not complete. */
  #named: Set<string> | undefined;

  constructor(keyOf: (value: T) => string, onChange: OnRowChange<T>) {
    this.#keyOf = keyOf;
    this.#onChange = onChange;
  }

  get(key: string): T | undefined {
    return this.#rows.get(key)?.value;
  }

  /** All rows, in the order of their keys. */
  all(): T[] {
    return [...this.#rows]
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([, { value }]) => value);
  }

  get size(): number {
    return this.#rows.size;
  }

  isStale(key: string): boolean {
    return this.#rows.get(key)?.stale ?? false;
  }

  /** A Snapshot begins. */
  begin(): void {
    this.#named = new Set();
  }

  /** Takes a row if it is newer than the present one. */
  put(value: T, sequence: number): void {
    const key = this.#keyOf(value);
    // A row that an event brings during a Snapshot counts as named by the Snapshot.
    this.#named?.add(key);
    if (sequence > (this.#rows.get(key)?.sequence ?? 0)) this.#set(key, value, sequence, false);
  }

  /** Removes a row if that is newer than the present one. */
  leave(value: T, sequence: number): void {
    const key = this.#keyOf(value);
    if (sequence > (this.#rows.get(key)?.sequence ?? 0)) this.#remove(key);
  }

  /** The Snapshot is complete. Rows that it does not name are removed, except stale rows: `dropStale` removes those. */
  complete(): void {
    for (const [key, { stale }] of this.#rows) {
      if (!stale && !this.#named?.has(key)) this.#remove(key);
    }
    this.#named = undefined;
  }

  /**
   * The rows come from another history from now on. Its sequences may be lower, so any of its rows counts as newer.
   * `stale`: the new history may not have all rows yet, so mark the present ones stale.
   */
  outdate(stale: boolean): void {
    for (const [key, row] of this.#rows) this.#set(key, row.value, 0, stale || row.stale);
  }

  dropStale(): void {
    for (const [key, { stale }] of this.#rows) if (stale) this.#remove(key);
  }

  /** A row from a file. */
  restore(value: T): void {
    this.#set(this.#keyOf(value), value, 0, true);
  }

  /** All rows with their sequences. */
  *rows(): Generator<{ value: T; sequence: number }> {
    for (const { value, sequence } of this.#rows.values()) yield { value, sequence };
  }

  #set(key: string, value: T, sequence: number, stale: boolean): void {
    const before = this.#rows.get(key)?.value;
    this.#rows.set(key, { value, sequence, stale });
    this.#onChange(before, value);
  }

  #remove(key: string): void {
    const before = this.#rows.get(key)?.value;
    if (this.#rows.delete(key)) this.#onChange(before, undefined);
  }
}
