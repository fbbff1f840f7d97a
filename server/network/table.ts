/** One kind of rows of the journal's table, decoded: a fold of the entries that name them. */

import { SortedSet } from '../core/sorted-set.js';

/** A row, decoded. */
export interface Folded<T> {
  readonly value: T;
  /** The sequence of the entry that last wrote it. */
  readonly sequence: number;
}

/** What a row is folded from: an entry with a key, or a row of the journal. */
export interface Write {
  readonly key: string;
  readonly sequence: number;
  /** null deletes. */
  readonly value: Uint8Array | null;
}

export class Table<T> {
  readonly #prefix: string;
  readonly #decode: (bytes: Uint8Array, sequence: number) => T;
  readonly #rows = new Map<string, Folded<T>>();
  readonly #names = new SortedSet();
  /** Called for each row that changes; for tables that keep an index. */
  protected onChange:
    | ((name: string, before: Folded<T> | undefined, after: Folded<T> | undefined) => void)
    | undefined;

  constructor(prefix: string, decode: (bytes: Uint8Array, sequence: number) => T) {
    this.#prefix = prefix;
    this.#decode = decode;
  }

  /** Takes a write in if it is of this table and newer than what is there. */
  fold({ key, value, sequence }: Write): void {
    if (!key.startsWith(this.#prefix)) return;
    const name = key.slice(this.#prefix.length);
    const before = this.#rows.get(name);
    if (sequence <= (before?.sequence ?? 0)) return;
    const after = value ? { value: this.#decode(value, sequence), sequence } : undefined;
    this.#put(name, after);
    this.onChange?.(name, before, after);
  }

  #put(name: string, row: Folded<T> | undefined): void {
    if (row) {
      this.#rows.set(name, row);
      this.#names.add(name);
    } else {
      this.#rows.delete(name);
      this.#names.delete(name);
    }
  }

  keyOf(name: string): string {
    return this.#prefix + name;
  }

  get(name: string): Folded<T> | undefined {
    return this.#rows.get(name);
  }

  /** A live iteration: rows that come or go meanwhile may or may not be seen, none twice at once. */
  entries(): Iterable<[string, Folded<T>]> {
    return this.#rows;
  }

  /** The names of rows, in order. */
  get names(): Pick<SortedSet, 'after'> {
    return this.#names;
  }

  get size(): number {
    return this.#rows.size;
  }
}
