/**
 * Rows of one kind, from a Snapshot and the events after it. If a coordinator loses its history, the rows that are not
 * back yet stay for a while, marked stale.
 */

interface StoredRow<T> {
  readonly value: T;
  /** The sequence that last wrote it. */
  readonly sequence: number;
  /** The row is of another history or a file, and no coordinator has confirmed it. Any other row is newer. */
  readonly stale: boolean;
}

/** Hears of each row that changes. */
export type OnRowChange<T> = (before: T | undefined, after: T | undefined) => void;

export class Rows<T> {
  readonly #rows = new Map<string, StoredRow<T>>();
  readonly #keyOf: (value: T) => string;
  readonly #onChange: OnRowChange<T>;
  /** Keys of the snapshot that is under way. */
  #named: Set<string> | undefined;

  constructor(keyOf: (value: T) => string, onChange: OnRowChange<T>) {
    this.#keyOf = keyOf;
    this.#onChange = onChange;
  }

  get(key: string): T | undefined {
    return this.#rows.get(key)?.value;
  }

  /** All, by key. */
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

  /** A snapshot begins. */
  begin(): void {
    this.#named = new Set();
  }

  /** A row, if it is newer than what is known. */
  put(value: T, sequence: number): void {
    const key = this.#keyOf(value);
    // A row of a snapshot in progress counts as named even if an event brought it.
    this.#named?.add(key);
    if (sequence > (this.#rows.get(key)?.sequence ?? 0)) this.#set(key, value, sequence, false);
  }

  /** It is gone, if that is newer than what is known. */
  leave(value: T, sequence: number): void {
    const key = this.#keyOf(value);
    if (sequence > (this.#rows.get(key)?.sequence ?? 0)) this.#remove(key);
  }

  /** The snapshot is whole. What it does not name is gone; but what is stale has time until it is dropped. */
  complete(): void {
    for (const [key, { stale }] of this.#rows) {
      if (!stale && !this.#named?.has(key)) this.#remove(key);
    }
    this.#named = undefined;
  }

  /**
   * Another history is read, whose sequences may be lower: any word of it is newer than what is known.
   * `stale`: those of whom it says nothing may only be on the way back.
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

  /** Each with its sequence. */
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
