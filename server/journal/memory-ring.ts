/** The entries of the memory journal: contiguous sequences, trimmed at the old end. Pure. */
import type { Entry, Retention, Usage } from './journal.js';

/** A position without its epoch. */
interface Position {
  sequence: number;
  tag: number;
}

interface Kept {
  readonly entry: Entry;
  /** When it was stored, by the calendar clock. */
  readonly atMs: number;
  readonly bytes: number;
}

/** Bytes that an entry takes beside its event and topic, roughly. */
const ENTRY_OVERHEAD_BYTES = 64;

export class MemoryRing {
  readonly #retention: Retention;
  /** Entries from `#start` on are kept; those before are forgotten and cut off in bulk. */
  #entries: (Kept | undefined)[] = [];
  #start = 0;
  #bytes = 0;
  readonly #topics = new Map<string, { entries: number; bytes: number }>();
  /** The position before the oldest entry. */
  readonly floor: Position;

  constructor(retention: Retention, newest: number, tag: number) {
    this.#retention = retention;
    this.floor = { sequence: newest, tag };
  }

  get size(): number {
    return this.#entries.length - this.#start;
  }

  /** The sequence of the newest entry there ever was. */
  get newest(): number {
    return this.floor.sequence + this.size;
  }

  push(entry: Entry, atMs: number): void {
    const bytes = entry.event.length + entry.topic.length + ENTRY_OVERHEAD_BYTES;
    this.#entries.push({ entry, atMs, bytes });
    this.#count(entry.topic, 1, bytes);
  }

  /** Forgets what retention no longer wants. */
  trim(nowMs: number): void {
    const { entries, bytes, ageMs } = this.#retention;
    for (;;) {
      const kept = this.#entries[this.#start];
      if (!kept) break;
      const over = this.size > entries || this.#bytes > bytes || nowMs - kept.atMs > ageMs;
      if (!over) break;
      this.#entries[this.#start++] = undefined;
      this.#count(kept.entry.topic, -1, -kept.bytes);
      this.floor.sequence = kept.entry.sequence;
      this.floor.tag = kept.entry.tag;
    }
    if (this.#start > 1024 && this.#start > this.#entries.length / 2) {
      this.#entries = this.#entries.slice(this.#start);
      this.#start = 0;
    }
  }

  /** The tag of a kept sequence, or of the floor. */
  tagAt(sequence: number): number | undefined {
    if (sequence === this.floor.sequence) return this.floor.tag;
    return this.#at(sequence)?.entry.tag;
  }

  /** At most `limit` entries after a sequence that is not below the floor. */
  slice(after: number, limit: number): Entry[] {
    const from = this.#start + (after - this.floor.sequence);
    const kept = this.#entries.slice(from, from + limit);
    return kept.flatMap((one) => (one ? [one.entry] : []));
  }

  /** The position before the first entry that was stored at `atMs` or later. */
  before(atMs: number): Position {
    let low = this.#start;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle]?.atMs ?? 0) < atMs) low = middle + 1;
      else high = middle;
    }
    const sequence = this.floor.sequence + (low - this.#start);
    return { sequence, tag: this.tagAt(sequence) ?? this.floor.tag };
  }

  usage(): Usage {
    const topics = [...this.#topics]
      .map(([topic, used]) => ({ topic, ...used }))
      .sort((left, right) => right.bytes - left.bytes)
      .slice(0, 10);
    return { entries: this.size, bytes: this.#bytes, topics };
  }

  #at(sequence: number): Kept | undefined {
    return this.#entries[this.#start + (sequence - this.floor.sequence) - 1];
  }

  #count(topic: string, entries: number, bytes: number): void {
    this.#bytes += bytes;
    const tokens = topic.split('.');
    const name = tokens.length > 2 ? `${tokens.slice(0, 2).join('.')}.*` : topic;
    const used = this.#topics.get(name) ?? { entries: 0, bytes: 0 };
    used.entries += entries;
    used.bytes += bytes;
    if (used.entries === 0) this.#topics.delete(name);
    else this.#topics.set(name, used);
  }
}
