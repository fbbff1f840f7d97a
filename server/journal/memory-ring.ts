/** The entries of the memory journal: contiguous sequences, trimmed at the old end. Pure. */
import type { Entry, Retention, Usage } from './journal.js';

/** A position without its epoch. */
interface Position {
  sequence: number;
  tag: number;
}

/** From this sequence on, entries were stored at this time or later. */
interface Mark {
  readonly sequence: number;
  readonly atMs: number;
}

/** What the entries of topics that share their first two tokens take. */
interface Group {
  readonly topic: string;
  entries: number;
  bytes: number;
}

/** Bytes that an entry takes beside its event and topic, roughly. */
const ENTRY_OVERHEAD_BYTES = 64;
/** Topics whose group is remembered; the memory begins anew when there are more. */
const TOPICS = 4096;

/**
 * Of an entry only the entry itself is kept, no object beside it: a million of them are looked
 * through by the garbage collector again and again.
 */
export class MemoryRing {
  readonly #retention: Retention;
  readonly #entries = new Shifting<Entry>();
  /** Times, one for each millisecond in which something was stored. */
  readonly #marks = new Shifting<Mark>();
  #bytes = 0;
  readonly #groups = new Map<string, Group>();
  readonly #groupOf = new Map<string, Group>();
  /** The position before the oldest entry. */
  readonly floor: Position;

  constructor(retention: Retention, newest: number, tag: number) {
    this.#retention = retention;
    this.floor = { sequence: newest, tag };
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The sequence of the newest entry there ever was. */
  get newest(): number {
    return this.floor.sequence + this.size;
  }

  push(entry: Entry, atMs: number): void {
    if (this.#marks.newest?.atMs !== atMs) this.#marks.push({ sequence: entry.sequence, atMs });
    this.#entries.push(entry);
    this.#count(entry.topic, 1, bytesOf(entry));
  }

  /** Forgets what retention no longer wants. */
  trim(nowMs: number): void {
    const { entries, bytes, ageMs } = this.#retention;
    for (let entry = this.#entries.at(0); entry; entry = this.#entries.at(0)) {
      const over = this.size > entries || this.#bytes > bytes || nowMs - this.#oldestMs > ageMs;
      if (!over) break;
      this.#entries.shift();
      this.#count(entry.topic, -1, -bytesOf(entry));
      this.floor.sequence = entry.sequence;
      this.floor.tag = entry.tag;
      const next = this.#marks.at(1);
      if (next && next.sequence <= entry.sequence + 1) this.#marks.shift();
    }
  }

  /** When the oldest entry was stored. */
  get #oldestMs(): number {
    return this.#marks.at(0)?.atMs ?? 0;
  }

  /** The tag of a kept sequence, or of the floor. */
  tagAt(sequence: number): number | undefined {
    if (sequence === this.floor.sequence) return this.floor.tag;
    return this.#entries.at(sequence - this.floor.sequence - 1)?.tag;
  }

  /** At most `limit` entries after a sequence that is not below the floor. */
  slice(after: number, limit: number): Entry[] {
    return this.#entries.slice(after - this.floor.sequence, limit);
  }

  /** The position before the first entry that was stored at `atMs` or later. */
  before(atMs: number): Position {
    const mark = this.#marks.at(this.#marks.find((one) => one.atMs >= atMs));
    // The oldest mark may begin before what is kept.
    const sequence = Math.max(this.floor.sequence, mark ? mark.sequence - 1 : this.newest);
    return { sequence, tag: this.tagAt(sequence) ?? this.floor.tag };
  }

  usage(): Usage {
    const topics = [...this.#groups.values()]
      .map((group) => ({ ...group }))
      .sort((left, right) => right.bytes - left.bytes)
      .slice(0, 10);
    return { entries: this.size, bytes: this.#bytes, topics };
  }

  #count(topic: string, entries: number, bytes: number): void {
    const group = this.#groupOf.get(topic) ?? this.#group(topic);
    this.#bytes += bytes;
    group.entries += entries;
    group.bytes += bytes;
    if (group.entries > 0) return;
    this.#groups.delete(group.topic);
    this.#groupOf.clear();
  }

  #group(topic: string): Group {
    const tokens = topic.split('.');
    const name = tokens.length > 2 ? `${tokens.slice(0, 2).join('.')}.*` : topic;
    const group = this.#groups.get(name) ?? { topic: name, entries: 0, bytes: 0 };
    this.#groups.set(name, group);
    if (this.#groupOf.size >= TOPICS) this.#groupOf.clear();
    this.#groupOf.set(topic, group);
    return group;
  }
}

function bytesOf({ event, topic }: Entry): number {
  return event.length + topic.length + ENTRY_OVERHEAD_BYTES;
}

/** A list that loses its first elements one by one; they are cut off in bulk. */
class Shifting<T> {
  #all: (T | undefined)[] = [];
  #start = 0;

  get size(): number {
    return this.#all.length - this.#start;
  }

  get newest(): T | undefined {
    return this.#all[this.#all.length - 1];
  }

  at(index: number): T | undefined {
    return this.#all[this.#start + index];
  }

  push(element: T): void {
    this.#all.push(element);
  }

  shift(): void {
    this.#all[this.#start++] = undefined;
    if (this.#start <= 1024 || this.#start <= this.#all.length / 2) return;
    this.#all = this.#all.slice(this.#start);
    this.#start = 0;
  }

  slice(from: number, limit: number): T[] {
    const start = this.#start + from;
    return this.#all.slice(start, start + limit).filter((one) => one !== undefined);
  }

  /** The index of the first element for which the condition holds; it holds for all after it. */
  find(holds: (element: T) => boolean): number {
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const element = this.at(middle);
      if (element && holds(element)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
