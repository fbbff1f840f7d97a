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

/** One write of a row: an entry with a key, or a row of the journal. */
export interface Write {
  readonly key: string;
  readonly sequence: number;
  /** null deletes. */
  readonly value: Uint8Array | null;
}

/** Decodes one kind of rows. */
export interface Codec<T> {
  decode(bytes: Uint8Array, sequence: number): T;
  /** The resource that readers see; undefined hides the row. Rows of a kind without this function are internal. */
  resource?: (value: T) => Row['resource'];
}

/** Called for each row that changes, while the table folds it. */
export type Watcher<T> = (
  name: string,
  before: Folded<T> | undefined,
  after: Folded<T> | undefined,
) => void;

/** The names that an iteration looks at before it stops once. */
const NAMES = 256;

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

  /** Applies a write if its key is in this table and it is newer than the stored row. */
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

  /** Calls the watcher for each row that changes, while the table folds it. Indexes of the rows use this. */
  watch(watcher: Watcher<T>): void {
    this.#watchers.push(watcher);
  }

  keyOf(name: string): string {
    return this.#prefix + name;
  }

  /** The name of the row with this key; undefined for a key of another table. */
  nameIn(key: string | undefined): string | undefined {
    return key?.startsWith(this.#prefix) ? key.slice(this.#prefix.length) : undefined;
  }

  /** The topic of a row. */
  topicOf(name: string): string {
    return topicOfKey(this.keyOf(name));
  }

  get(name: string): Folded<T> | undefined {
    return this.#rows.get(name);
  }

  /** The requirement that the row is still as it is now. */
  seen(name: string): Requirement {
    return { key: this.keyOf(name), sequence: this.get(name)?.sequence ?? 0 };
  }

  /** A live iteration. It may miss rows that are added or removed meanwhile, and yields no unchanged row twice. */
  entries(): Iterable<[string, Folded<T>]> {
    return this.#rows;
  }

  /** The names of rows, in order. */
  get names(): Pick<SortedSet, 'after' | 'beginning'> {
    return this.#names;
  }

  get size(): number {
    return this.#rows.size;
  }

  /**
   * The rows that match a filter, each as it is when the iteration reaches it. Undefined after some names each: a pattern
   * may match few of many rows, so the caller can let other work run there.
   */
  *resources(filter: TopicFilter): Generator<Row | undefined> {
    const { resource } = this.#codec;
    if (!resource) return;
    let names = 0;
    for (const name of this.#namesFor(filter)) {
      if (++names % NAMES === 0) yield undefined;
      const row = this.#rows.get(name);
      const shown = row && filter.matches(this.topicOf(name)) ? resource(row.value) : undefined;
      if (row && shown) yield { sequence: row.sequence, resource: shown };
    }
  }

  /**
   * The names of the rows that may match a filter, each once: the rows that its patterns name, and the rows whose
   * names begin as a pattern does before its first wildcard. A wildcard as first token matches no resources, so each
   * pattern begins with a kind of rows.
   */
  *#namesFor(filter: TopicFilter): Generator<string> {
    const kind = topicOfKey(this.#prefix);
    const patterns = filter.resourcePatterns().filter((one) => one.startsWith(kind));
    // Tokens of a topic have no slash in them, so this is the name of a row again.
    const places = patterns.map((one) => one.slice(kind.length).replaceAll('.', '/'));
    const beginnings = shortest(places.filter(isWild).map((one) => one.replace(/[*>].*$/s, '')));
    for (const beginning of beginnings) yield* this.names.beginning(beginning);
    for (const name of places) {
      if (!isWild(name) && !beginnings.some((one) => name.startsWith(one))) yield name;
    }
  }
}

/** The beginnings in order, without those that another one covers. */
function shortest(beginnings: readonly string[]): string[] {
  const kept: string[] = [];
  for (const one of [...beginnings].sort()) {
    const last = kept.at(-1);
    if (last === undefined || !one.startsWith(last)) kept.push(one);
  }
  return kept;
}
