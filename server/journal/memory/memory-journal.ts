/**
 * The journal in memory: a ring of entries and a map of rows. It ends with the process, so each start is a new
 * epoch. An entry counts as durable as soon as it is stored.
 */
import { randomBytes, randomInt } from 'node:crypto';
import type { Clock } from '../../core/clock.js';
import { type Cursor, hex, ID_BYTES, sameBytes } from '../../core/cursor.js';
import { Listeners } from '../../core/listeners.js';
import {
  type Draft,
  type Entry,
  type GapReasonName,
  type Journal,
  type JournalGap,
  type Outcome,
  type Page,
  PRODUCER_AGE_MS,
  PRODUCERS,
  type Retention,
  type StoredProducer,
  type TableRow,
  type Transaction,
  TRANSACTION_ENTRIES,
  type Unsubscribe,
  type Usage,
} from '../journal.js';
import { MemoryRing } from './ring.js';

/** Opens an empty journal with a new epoch. */
export class MemoryJournal implements Journal {
  readonly durability = 'NONE';
  readonly readOnly = false;
  readonly #clock: Clock;
  readonly #epoch = randomBytes(ID_BYTES);
  readonly #ring: MemoryRing;
  readonly #table = new Map<string, TableRow>();
  readonly #producers = new Map<string, { last: number; atMs: number }>();
  readonly #listeners: Listeners<[readonly Entry[]]>;
  #headTag = newTag();

  /** `onListenerFault` gets the errors that listeners throw. */
  constructor(clock: Clock, retention: Retention, onListenerFault?: (error: unknown) => void) {
    this.#clock = clock;
    this.#listeners = new Listeners(onListenerFault);
    // Above every sequence of earlier epochs, unless the calendar clock ran back.
    this.#ring = new MemoryRing(retention, Math.floor(clock.wall() * 1000), this.#headTag);
  }

  get head(): Cursor {
    return { epoch: this.#epoch, sequence: this.#ring.newest, tag: this.#headTag };
  }

  async newest(): Promise<Cursor> {
    return this.head;
  }

  get oldest(): Cursor {
    return { epoch: this.#epoch, ...this.#ring.floor };
  }

  async append(transactions: readonly Transaction[]): Promise<Outcome[]> {
    if (transactions.some(({ entries }) => entries.length > TRANSACTION_ENTRIES)) {
      throw new RangeError(`a transaction may have at most ${TRANSACTION_ENTRIES} entries`);
    }
    const tag = newTag();
    const stored: Entry[] = [];
    const outcomes = transactions.map((transaction) => this.#commit(transaction, tag, stored));
    if (stored.length > 0) {
      this.#headTag = tag;
      this.#ring.trim(this.#clock.wall());
      this.#listeners.tell(stored);
    }
    return outcomes;
  }

  #commit(transaction: Transaction, tag: number, stored: Entry[]): Outcome {
    const { producer, entries } = transaction;
    const refusal = this.#refusal(transaction);
    if (refusal) return refusal;
    if (producer) this.#moveProducer(producer.instance, producer.last);
    const first = this.#ring.newest + 1;
    for (const draft of entries) stored.push(this.#store(draft, tag));
    return { kind: 'stored', first };
  }

  #refusal({ require = [], producer }: Transaction): Outcome | undefined {
    for (const { key, sequence } of require) {
      const actual = this.#table.get(key)?.sequence ?? 0;
      if (actual !== sequence) return { kind: 'conflict', key, actual };
    }
    const last = producer && this.#lastOf(producer.instance);
    if (last === undefined || last === producer?.previous) return undefined;
    return { kind: 'producerAt', sequence: last };
  }

  #store(draft: Draft, tag: number): Entry {
    const sequence = this.#ring.newest + 1;
    const { topic, event, source } = draft;
    // Most entries write no row. To copy these with a spread took a tenth of the time of a publish.
    const plain = draft.key === undefined;
    const entry: Entry = plain
      ? { topic, event, source, sequence, tag }
      : { ...draft, sequence, tag };
    this.#ring.push(entry, this.#clock.wall());
    const { key, value } = entry;
    if (key !== undefined) {
      if (value) this.#table.set(key, { key, value, sequence });
      else this.#table.delete(key);
    }
    return entry;
  }

  #lastOf(instance: Uint8Array): number | undefined {
    const stored = this.#producers.get(hex(instance));
    return stored && this.#clock.now() - stored.atMs < PRODUCER_AGE_MS ? stored.last : undefined;
  }

  /** The map is in the order of last use: if there are too many producers, the first one goes. */
  #moveProducer(instance: Uint8Array, last: number): void {
    const id = hex(instance);
    this.#producers.delete(id);
    this.#producers.set(id, { last, atMs: this.#clock.now() });
    const [eldest] = this.#producers.keys();
    if (this.#producers.size > PRODUCERS && eldest !== undefined) this.#producers.delete(eldest);
  }

  async read(after: Cursor, limit: number, bytes = Infinity): Promise<Page | JournalGap> {
    const gap = this.#gap(after);
    if (gap) return { kind: 'gap', lostAfter: after, resumesAt: gap[1], reason: gap[0] };
    const entries = this.#ring.slice(after.sequence, limit, bytes);
    const last = entries.at(-1);
    const upTo = last ? { epoch: this.#epoch, sequence: last.sequence, tag: last.tag } : this.head;
    const missing = this.#ring.missing(after.sequence).map(({ prefix, sequence, tag }) => ({
      prefix,
      upTo: { epoch: this.#epoch, sequence, tag },
    }));
    return { kind: 'page', entries, upTo, missing };
  }

  #gap(after: Cursor): [GapReasonName, Cursor] | undefined {
    if (!sameBytes(after.epoch, this.#epoch)) return ['EPOCH_CHANGED', this.oldest];
    if (after.sequence > this.#ring.newest) return ['CURSOR_AHEAD', this.head];
    if (after.sequence < this.#ring.floor.sequence) return ['TRIMMED', this.oldest];
    const tag = this.#ring.tagAt(after.sequence);
    const rewritten = tag !== undefined && tag !== after.tag;
    return rewritten ? ['HISTORY_REWRITTEN', this.oldest] : undefined;
  }

  async *rows(prefix: string): AsyncIterable<TableRow> {
    for (const row of this.#table.values()) if (row.key.startsWith(prefix)) yield row;
  }

  async producer(instance: Uint8Array): Promise<number | undefined> {
    return this.#lastOf(instance);
  }

  async *producers(): AsyncIterable<StoredProducer> {
    for (const id of this.#producers.keys()) {
      const instance = Buffer.from(id, 'hex');
      const last = this.#lastOf(instance);
      if (last !== undefined) yield { instance, last };
    }
  }

  async since(ageMs: number): Promise<Cursor> {
    return { epoch: this.#epoch, ...this.#ring.before(this.#clock.wall() - ageMs) };
  }

  usage(): Usage {
    return this.#ring.usage();
  }

  onAppend(listener: (entries: readonly Entry[]) => void): Unsubscribe {
    return this.#listeners.add(listener);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }
}

function newTag(): number {
  return randomInt(2 ** 32);
}
