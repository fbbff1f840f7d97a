/**
 * The entries of the memory journal, in order. Retention removes entries at the old end; topics with a retention of
 * their own lose entries in the middle too. Pure.
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

/** The entries from this sequence on were stored at this time or later. */
interface Mark {
  readonly sequence: number;
  readonly atMs: number;
}

/** Roughly the bytes that an entry needs besides its event and its topic. */
const ENTRY_OVERHEAD_BYTES = 64;
/** The ring drops its empty slots when there are more of them than this, and more than entries. */
const EMPTY_SLOTS = 1024;

/** A topic with a retention of its own, and its entries, oldest first. */
class OwnEntries extends TopicBudget {
  readonly queue = new Shifting<Entry>();
}

/**
 * The ring keeps the entry itself and no further object for it: the garbage collector visits a million of these
 * again and again.
 */
export class MemoryRing {
  readonly #retention: Retention;
  readonly #slots = new Shifting<Slot>();
  /** One mark for each millisecond in which entries were stored. */
  readonly #marks = new Shifting<Mark>();
  readonly #own: readonly OwnEntries[];
  #bytes = 0;
  #empty = 0;
  readonly #groups = new TopicGroups();
  /** The position before the oldest entry. */
  floor: Position;
  /** The sequence of the newest entry that was ever stored. */
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

  /** Removes the entries that are over a limit of retention. */
  trim(nowMs: number): void {
    for (const own of this.#own) this.#trimOwn(own, nowMs);
    const { entries, bytes, ageMs } = this.#retention;
    for (let entry = this.#oldest(); entry; entry = this.#oldest()) {
      const over = this.size > entries || this.#bytes > bytes || nowMs - this.#oldestMs > ageMs;
      if (!over) break;
      this.#slots.shift();
      this.#uncount(entry, this.#ownOf(entry.topic));
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
      this.#uncount(entry, own);
    }
  }

  #uncount(entry: Entry, own: OwnEntries | undefined): void {
    this.#count(entry.topic, -1, -bytesOf(entry));
    own?.count(-1, -bytesOf(entry));
    own?.queue.shift();
  }

  /** The oldest entry. Drops the empty slots and the marks before it. */
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

  /** The time at which the oldest entry was stored. */
  get #oldestMs(): number {
    return this.#marks.at(0)?.atMs ?? 0;
  }

  #storedMs(sequence: number): number {
    const later = this.#marks.find((mark) => mark.sequence > sequence);
    return this.#marks.at(later - 1)?.atMs ?? 0;
  }

  /** The index of the first slot after a sequence. */
  #indexAfter(sequence: number): number {
    return this.#slots.find((slot) => sequenceOf(slot) > sequence);
  }

  /** The tag of an entry that is still here, or of the floor. */
  tagAt(sequence: number): number | undefined {
    if (sequence === this.floor.sequence) return this.floor.tag;
    const slot = this.#slots.at(this.#indexAfter(sequence - 1));
    return typeof slot === 'object' && slot.sequence === sequence ? slot.tag : undefined;
  }

  /**
   * The entries after a sequence that is not below the floor: at most `limit` and at most `bytes` bytes, but at
   * least one if there is one.
   */
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

  /** The topics that lost entries after a sequence early, each with the position of its last lost entry. */
  missing(after: number): (Position & { readonly prefix: string })[] {
    return this.#own.flatMap(({ prefix, removed }) =>
      removed && removed.sequence > after
        ? [{ prefix, sequence: removed.sequence, tag: removed.tag }]
        : [],
    );
  }

  /** The position before the first entry that was stored at `atMs` or later, see `afterOld`. */
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
