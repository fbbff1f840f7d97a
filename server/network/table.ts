/** One kind of rows of the journal's table, decoded: a fold of the entries that name them. */
import type { Row } from '../../gen/ts/kelpie/v1/stream.js';
import { SortedSet } from '../core/sorted-set.js';
import type { Requirement } from '../journal/journal.js';
import type { TopicFilter } from '../topics/filter.js';
import { isWild, topicOfKey } from '../topics/topic.js';

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

/** How one kind of rows is read. */
export interface Codec<T> {
  decode(bytes: Uint8Array, sequence: number): T;
  /** What readers see of a row; undefined: they do not see it. A kind without it is internal. */
  resource?: (value: T) => Row['resource'];
}

/** Hears of a row that changes, while it is folded. */
export type Watcher<T> = (
  name: string,
  before: Folded<T> | undefined,
  after: Folded<T> | undefined,
) => void;

export class Table<T> {
  readonly #prefix: string;
  readonly #codec: Codec<T>;
  readonly #rows = new Map<string, Folded<T>>();
  readonly #names = new SortedSet();
  readonly #watchers: Watcher<T>[] = [];

  constructor(prefix: string, codec: Codec<T>) {
    this.#prefix = prefix;
    this.#codec = codec;
  }

  /** Takes a write in if it is of this table and newer than the row that is there. */
  fold({ key, value, sequence }: Write): void {
    if (!key.startsWith(this.#prefix)) return;
    const name = key.slice(this.#prefix.length);
    const before = this.#rows.get(name);
    if (sequence <= (before?.sequence ?? 0)) return;
    const after = value ? { value: this.#codec.decode(value, sequence), sequence } : undefined;
    this.#put(name, after);
    for (const watcher of this.#watchers) watcher(name, before, after);
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

  /** Calls the watcher for each row that changes, while it is folded: for indexes of the rows. */
  watch(watcher: Watcher<T>): void {
    this.#watchers.push(watcher);
  }

  keyOf(name: string): string {
    return this.#prefix + name;
  }

  /** The name of the row that a key means; undefined if it is a key of another table. */
  nameIn(key: string | undefined): string | undefined {
    return key?.startsWith(this.#prefix) ? key.slice(this.#prefix.length) : undefined;
  }

  /** The topic on which a row is readable. */
  topicOf(name: string): string {
    return topicOfKey(this.keyOf(name));
  }

  get(name: string): Folded<T> | undefined {
    return this.#rows.get(name);
  }

  /** The requirement of a write that was made of the row as it is now. */
  seen(name: string): Requirement {
    return { key: this.keyOf(name), sequence: this.get(name)?.sequence ?? 0 };
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

  /** What a filter shows of the rows, as they are when the iteration comes to them. */
  *resources(filter: TopicFilter): Generator<Row> {
    const { resource } = this.#codec;
    if (!resource) return;
    for (const name of this.#namesFor(filter)) {
      const row = this.#rows.get(name);
      const shown = row && filter.matches(this.topicOf(name)) ? resource(row.value) : undefined;
      if (row && shown) yield { sequence: row.sequence, resource: shown };
    }
  }

  /**
   * The names of rows that a filter may show: those that its patterns name, or all if one has a wildcard.
   * A wildcard as first token matches no resources, so each pattern names the kind that it is about.
   */
  #namesFor(filter: TopicFilter): Iterable<string> {
    const kind = topicOfKey(this.#prefix);
    const patterns = filter.resourcePatterns().filter((one) => one.startsWith(kind));
    if (patterns.some(isWild)) return this.names.after('');
    return patterns.map((one) => one.slice(kind.length));
  }
}
