/**
 * The entries of the memory journal, in order, trimmed at the old end; topics with a retention of their
 * own lose some in the middle too. Pure.
 */
import type { Entry, Retention, Usage } from '../journal.js';
import { Shifting } from './shifting-list.js';
import { afterOld, TopicBudget } from '../prefix-retention.js';
import { largest, TopicGroups } from '../topic-groups.js';

/** A position without its epoch. */
interface Position {
  readonly sequence: number;
  readonly tag: number;
}

/** An entry, or the sequence of one that was removed early. */
type Slot = Entry | number;

/** From this sequence on, entries were stored at this time or later. */
interface Mark {
  readonly sequence: number;
  readonly atMs: number;
}

/** Bytes that an entry takes beside its event and topic, roughly. */
const ENTRY_OVERHEAD_BYTES = 64;
/** With more empty slots than that, and than entries, the slots are moved together. */
const EMPTY_SLOTS = 1024;

/** Topics with a retention of their own, and their entries, oldest first. */
class OwnEntries extends TopicBudget {
  readonly queue = new Shifting<Entry>();
}

/**
 * Of an entry only the entry itself is kept, no object beside it: a million of them are looked
 * through by the garbage collector again and again.
 */
export class MemoryRing {
  readonly #retention: Retention;
  readonly #slots = new Shifting<Slot>();
  /** Times, one for each millisecond in which something was stored. */
  readonly #marks = new Shifting<Mark>();
  readonly #own: readonly OwnEntries[];
  #bytes = 0;
  #empty = 0;
  readonly #groups = new TopicGroups();
  /** The position before the oldest entry. */
  floor: Position;
  /** The sequence of the newest entry there ever was. */
  newest: number;

  constructor(retention: Retention, newest: number, tag: number) {
    this.#retention = retention;
    this.#own = (retention.topics ?? []).map((limits) => new OwnEntries(limits));
    this.floor = { sequence: newest, tag };
    this.newest = newest;
  }

  get size(): number {
    return this.#slots.size - this.#empty;
  }

  push(entry: Entry, atMs: number): void {
    if (this.#marks.newest?.atMs !== atMs) this.#marks.push({ sequence: entry.sequence, atMs });
    this.#slots.push(entry);
    this.newest = entry.sequence;
    this.#count(entry.topic, 1, bytesOf(entry));
    const own = this.#ownOf(entry.topic);
    own?.count(1, bytesOf(entry));
    own?.queue.push(entry);
  }

  /** Forgets what retention no longer wants. */
  trim(nowMs: number): void {
    for (const own of this.#own) this.#trimOwn(own, nowMs);
    const { entries, bytes, ageMs } = this.#retention;
    for (let entry = this.#oldest(); entry; entry = this.#oldest()) {
      const over = this.size > entries || this.#bytes > bytes || nowMs - this.#oldestMs > ageMs;
      if (!over) break;
      this.#slots.shift();
      this.#forget(entry, this.#ownOf(entry.topic));
      this.floor = { sequence: entry.sequence, tag: entry.tag };
      const next = this.#marks.at(1);
      if (next && next.sequence <= entry.sequence + 1) this.#marks.shift();
    }
    if (this.#empty > EMPTY_SLOTS && this.#empty > this.size) this.#compact();
  }

  #trimOwn(own: OwnEntries, nowMs: number): void {
    for (let entry = own.queue.at(0); entry; entry = own.queue.at(0)) {
      const { sequence, tag } = entry;
      if (!own.over(() => nowMs - this.#storedMs(sequence))) return;
      own.removed = { sequence, tag, latestMs: this.#storedMs(sequence) };
      this.#slots.set(this.#indexAfter(sequence - 1), sequence);
      this.#empty += 1;
      this.#forget(entry, own);
    }
  }

  #forget(entry: Entry, own: OwnEntries | undefined): void {
    this.#count(entry.topic, -1, -bytesOf(entry));
    own?.count(-1, -bytesOf(entry));
    own?.queue.shift();
  }

  /** Drops empty slots, and times, before it. */
  #oldest(): Entry | undefined {
    for (let slot = this.#slots.at(0); slot !== undefined; slot = this.#slots.at(0)) {
      if (typeof slot !== 'number') {
        for (let next = this.#marks.at(1); next; next = this.#marks.at(1)) {
          if (next.sequence > slot.sequence) break;
          this.#marks.shift();
        }
        return slot;
      }
      this.#slots.shift();
      this.#empty -= 1;
    }
    return undefined;
  }

  #compact(): void {
    this.#slots.keep((slot) => typeof slot !== 'number');
    this.#empty = 0;
    const marks = this.#marks;
    const sequenceAt = (index: number): number => marks.at(index)?.sequence ?? Infinity;
    const ends = Array.from({ length: marks.size }, (_, index) => sequenceAt(index + 1));
    marks.keep(({ sequence }, index) => {
      const first = this.#slots.at(this.#indexAfter(sequence - 1));
      return first !== undefined && sequenceOf(first) < (ends[index] ?? Infinity);
    });
  }

  /** When the oldest entry was stored. */
  get #oldestMs(): number {
    return this.#marks.at(0)?.atMs ?? 0;
  }

  #storedMs(sequence: number): number {
    const later = this.#marks.find((mark) => mark.sequence > sequence);
    return this.#marks.at(later - 1)?.atMs ?? 0;
  }

  /** Where the first slot after a sequence is. */
  #indexAfter(sequence: number): number {
    return this.#slots.find((slot) => sequenceOf(slot) > sequence);
  }

  /** The tag of a kept sequence, or of the floor. */
  tagAt(sequence: number): number | undefined {
    if (sequence === this.floor.sequence) return this.floor.tag;
    const slot = this.#slots.at(this.#indexAfter(sequence - 1));
    return typeof slot === 'object' && slot.sequence === sequence ? slot.tag : undefined;
  }

  /** At most `limit` entries and so many bytes, but one at least, after a sequence that is not below the floor. */
  slice(after: number, limit: number, bytes: number): Entry[] {
    const entries: Entry[] = [];
    let left = bytes;
    for (let index = this.#indexAfter(after); entries.length < limit; index++) {
      const slot = this.#slots.at(index);
      if (slot === undefined) break;
      if (typeof slot === 'number') continue;
      left -= bytesOf(slot);
      if (left < 0 && entries.length > 0) break;
      entries.push(slot);
    }
    return entries;
  }

  /** The topics of which entries after a sequence were removed early, and the last of these. */
  missing(after: number): (Position & { readonly prefix: string })[] {
    return this.#own.flatMap(({ prefix, removed }) =>
      removed && removed.sequence > after
        ? [{ prefix, sequence: removed.sequence, tag: removed.tag }]
        : [],
    );
  }

  /** The position before the first entry that was stored at `atMs` or later. */
  before(atMs: number): Position {
    const mark = this.#marks.at(this.#marks.find((one) => one.atMs >= atMs));
    const first = mark ? this.#indexAfter(mark.sequence - 1) : this.#slots.size;
    return afterOld(
      this.#entryBefore(first),
      this.#own.map(({ removed }) => removed),
      atMs,
    );
  }

  #entryBefore(index: number): Position {
    for (let before = index - 1; before >= 0; before--) {
      const slot = this.#slots.at(before);
      if (typeof slot === 'object') return { sequence: slot.sequence, tag: slot.tag };
    }
    return this.floor;
  }

  usage(): Usage {
    const topics = largest(this.#groups.all);
    const own = this.#own.map((one) => one.usage());
    return { entries: this.size, bytes: this.#bytes, topics, own };
  }

  #ownOf(topic: string): OwnEntries | undefined {
    return this.#own.find((own) => own.takes(topic));
  }

  #count(topic: string, entries: number, bytes: number): void {
    this.#bytes += bytes;
    this.#groups.count(topic, entries, bytes);
  }
}

function sequenceOf(slot: Slot): number {
  return typeof slot === 'number' ? slot : slot.sequence;
}

function bytesOf({ event, topic }: Entry): number {
  return event.length + topic.length + ENTRY_OVERHEAD_BYTES;
}
