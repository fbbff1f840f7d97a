/**
 * The newest entries of a network in memory, shared by all readers. Each is encoded once, as it goes into an
 * EventBatch. Readers at the same position in whose filters the same topics match share the batch too, so a
 * fan-out costs a look-up for each reader. Readers that are behind the tail read pages from the engine.
 */
import type { Cursor } from '../core/cursor.js';
import type { TopicFilter } from '../topics/filter.js';
import { type Batch, type BatchLimits, collect, type EncodedEntry, encodeEntry } from './batch.js';
import type { Entry } from '../journal/journal.js';
import type { Network } from '../network/network.js';

/** How much the tail holds. */
export interface TailLimits {
  readonly entries: number;
  readonly bytes: number;
}

/** Entries that are looked at for one batch. */
const STRETCH_ENTRIES = 1024;
/** The same for readers of long patterns. */
const COSTLY_ENTRIES = 256;
/** An older stretch with at least so many entries is used again; a shorter stretch is made anew. */
const WORTH_ENTRIES = 64;
/** Stretches that are remembered, and batches of each: 32 MiB of encoded batches at the most, and the same as messages. */
const STRETCHES = 32;
const BATCHES = 16;

/** The entries after one position, and the batches that were made of them. */
interface Stretch {
  readonly entries: readonly EncodedEntry[];
  readonly end: Cursor;
  readonly topics: readonly string[];
  readonly sources: ReadonlySet<string>;
  /** By their limits and which of the topics match. */
  readonly batches: Map<string, Batch>;
}

export class Tail {
  readonly #limits: TailLimits;
  #entries: (EncodedEntry | undefined)[] = [];
  #start = 0;
  #bytes = 0;
  /** The position before the oldest entry of the tail. */
  #floor: Cursor;
  #head: Cursor;
  /** By the sequence that they follow; in the order in which they were made. */
  readonly #stretches = new Map<number, Stretch>();

  constructor(head: Cursor, limits: TailLimits) {
    this.#limits = limits;
    this.#floor = head;
    this.#head = head;
  }

  /** A tail that takes in what a network stores from now on. Make it before whatever wakes readers. */
  static of(network: Pick<Network, 'head' | 'onEntries'>, limits: TailLimits): Tail {
    const tail = new Tail(network.head, limits);
    network.onEntries((entries) => tail.push(entries));
    return tail;
  }

  /** The newest position that readers may see. */
  get head(): Cursor {
    return this.#head;
  }

  /** Takes entries in as they become durable. */
  push(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const encoded = encodeEntry(entry);
      this.#entries.push(encoded);
      this.#bytes += encoded.chunk?.length ?? 0;
      this.#head = { epoch: this.#head.epoch, sequence: entry.sequence, tag: entry.tag };
    }
    this.#trim();
  }

  /** Whether the tail reaches back to what follows this sequence. */
  covers(sequence: number): boolean {
    return sequence >= this.#floor.sequence;
  }

  /** The position at a sequence that the tail covers. */
  cursorAt(sequence: number): Cursor | undefined {
    if (sequence === this.#floor.sequence) return this.#floor;
    const entry = this.#entries[this.#start + (sequence - this.#floor.sequence) - 1];
    return entry && { epoch: this.#head.epoch, sequence, tag: entry.tag };
  }

  /**
   * The matching events after a sequence that the tail covers; readers that get the same share the object. It
   * may end before the head, also without an event.
   */
  batch(after: number, filter: TopicFilter, limits: BatchLimits): Batch {
    const { entries, end, topics, sources, batches } = this.#stretch(after);
    const make = (): Batch => collect(entries, end, filter, limits);
    // Comparing is costly: less is looked at, once.
    if (filter.long > 0 && entries.length > COSTLY_ENTRIES) {
      const some = entries.slice(0, COSTLY_ENTRIES);
      return collect(some, this.cursorAt(some.at(-1)?.sequence ?? after) ?? end, filter, limits);
    }
    // A reader that leaves out its own events shares no batch.
    if (filter.excludes(sources)) return make();
    let key = `${limits.events}/${limits.bytes}:`;
    topics.forEach((topic, index) => {
      if (filter.matches(topic)) key += ` ${index}`;
    });
    const made = batches.get(key);
    if (made) return made;
    const batch = make();
    if (batches.size < BATCHES) batches.set(key, batch);
    return batch;
  }

  #stretch(after: number): Stretch {
    const known = this.#stretches.get(after);
    if (known && this.#usable(known)) return known;
    const stretch = this.#cut(after);
    this.#stretches.delete(after);
    this.#stretches.set(after, stretch);
    const [oldest] = this.#stretches.keys();
    if (this.#stretches.size > STRETCHES && oldest !== undefined) this.#stretches.delete(oldest);
    return stretch;
  }

  #usable({ end, entries }: Stretch): boolean {
    return end.sequence === this.#head.sequence || entries.length >= WORTH_ENTRIES;
  }

  #cut(after: number): Stretch {
    const from = this.#start + (after - this.#floor.sequence);
    const entries = this.#entries
      .slice(from, from + STRETCH_ENTRIES)
      .filter((entry) => entry !== undefined);
    const last = entries.at(-1);
    const end = last
      ? { epoch: this.#head.epoch, sequence: last.sequence, tag: last.tag }
      : this.#head;
    const topics = [...new Set(entries.map(({ topic }) => topic))];
    const sources = new Set(entries.map(({ source }) => source));
    return { entries, end, topics, sources, batches: new Map() };
  }

  #trim(): void {
    while (this.#entries.length - this.#start > 1 && this.#full()) {
      const entry = this.#entries[this.#start];
      if (!entry) break;
      this.#entries[this.#start++] = undefined;
      this.#bytes -= entry.chunk?.length ?? 0;
      this.#floor = { epoch: this.#head.epoch, sequence: entry.sequence, tag: entry.tag };
    }
    for (const after of this.#stretches.keys()) {
      if (!this.covers(after)) this.#stretches.delete(after);
    }
    if (this.#start > 1024 && this.#start > this.#entries.length / 2) {
      this.#entries = this.#entries.slice(this.#start);
      this.#start = 0;
    }
  }

  #full(): boolean {
    const size = this.#entries.length - this.#start;
    return size > this.#limits.entries || this.#bytes > this.#limits.bytes;
  }
}
