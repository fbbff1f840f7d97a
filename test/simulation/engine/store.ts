/**
 * The storage that all coordinators of a simulation share, as Redis has it for one network: entries, rows, and the
 * numbers of producers. A failover loses the last calls, and then a new epoch begins. Nothing here takes time.
 */
import { type Cursor, hex, sameBytes } from '../../../server/core/cursor.js';
import type {
  Draft,
  Entry,
  GapReasonName,
  JournalGap,
  Outcome,
  Page,
  TableRow,
  Transaction,
} from '../../../server/journal/journal.js';
import type { Scheduler } from '../scheduler.js';

/** How many of its newest calls a failover can lose. */
const UNDOABLE = 16;

interface Numbered {
  readonly last: number;
  /** Stored in a former epoch, which may have lost newer numbers. */
  readonly former: boolean;
}

/** The values before a call. */
interface Undo {
  readonly rows: Map<string, TableRow | undefined>;
  readonly producers: Map<string, Numbered | undefined>;
}

/** The error for a call of a journal whose epoch has ended. */
export class EpochEnded extends Error {}

export class Store {
  readonly #scheduler: Scheduler;
  /** Entries that are kept. */
  readonly #kept: number;
  #entries: Entry[] = [];
  readonly rows = new Map<string, TableRow>();
  readonly #producers = new Map<string, Numbered>();
  #undo: Undo[] = [];
  #floor: Cursor;
  #head: Cursor;
  /** Called with the entries of each call, at the moment when they are stored. */
  readonly listeners = new Set<(entries: readonly Entry[], epoch: Uint8Array) => void>();

  constructor(scheduler: Scheduler, kept: number) {
    this.#scheduler = scheduler;
    this.#kept = kept;
    this.#head = this.#floor = this.#position(1_000_000);
  }

  #position(sequence: number, epoch: Uint8Array = this.#scheduler.bytes(16)): Cursor {
    return { epoch, sequence, tag: this.#scheduler.choices.below(2 ** 32) };
  }

  get head(): Cursor {
    return this.#head;
  }

  get floor(): Cursor {
    return this.#floor;
  }

  append(epoch: Uint8Array, transactions: readonly Transaction[]): Outcome[] {
    this.check(epoch);
    const { tag } = this.#position(0, epoch);
    const undo: Undo = { rows: new Map(), producers: new Map() };
    const stored: Entry[] = [];
    const outcomes = transactions.map((one) => this.#commit(one, { tag, undo, stored }));
    this.#undo = [...this.#undo, undo].slice(-UNDOABLE);
    if (stored.length > 0) {
      this.#trim();
      for (const listener of this.listeners) listener(stored, epoch);
    }
    return outcomes;
  }

  /** Throws EpochEnded if this is not the epoch. */
  check(epoch: Uint8Array): void {
    if (!sameBytes(epoch, this.#head.epoch)) throw new EpochEnded('the epoch has ended');
  }

  #commit(
    { require = [], producer, entries }: Transaction,
    { tag, undo, stored }: { tag: number; undo: Undo; stored: Entry[] },
  ): Outcome {
    for (const { key, sequence } of require) {
      const actual = this.rows.get(key)?.sequence ?? 0;
      if (actual !== sequence) return { kind: 'conflict', key, actual };
    }
    if (producer) {
      const id = hex(producer.instance);
      const known = this.#producers.get(id);
      const isOther = known && known.last !== producer.previous;
      if (isOther && (known.last > producer.previous || !known.former))
        return { kind: 'producerAt', sequence: known.last };
      if (!undo.producers.has(id)) undo.producers.set(id, known);
      this.#producers.set(id, { last: producer.last, former: false });
    }
    const first = this.#head.sequence + 1;
    for (const draft of entries) stored.push(this.#push(draft, tag, undo));
    return { kind: 'stored', first };
  }

  #push(draft: Draft, tag: number, undo: Undo): Entry {
    const sequence = this.#head.sequence + 1;
    const entry = { ...draft, sequence, tag };
    this.#entries.push(entry);
    this.#head = { epoch: this.#head.epoch, sequence, tag };
    const { key, value } = draft;
    if (key === undefined) return entry;
    if (!undo.rows.has(key)) undo.rows.set(key, this.rows.get(key));
    set(this.rows, key, value ? { key, value, sequence } : undefined);
    return entry;
  }

  #trim(): void {
    const removed = this.#entries.splice(0, Math.max(0, this.#entries.length - this.#kept)).at(-1);
    if (!removed) return;
    const { sequence, tag } = removed;
    this.#floor = { epoch: this.#head.epoch, sequence, tag };
  }

  /** The entries after a sequence. */
  after(sequence: number): readonly Entry[] {
    return this.#entries.slice(Math.max(0, sequence - this.#floor.sequence));
  }

  /** The entries after a cursor, for a reader that may see no entry after `head`. */
  read(after: Cursor, limit: number, bytes: number, head: Cursor): Page | JournalGap {
    this.check(head.epoch);
    const gap = this.#gap(after, head);
    if (gap) return { kind: 'gap', lostAfter: after, resumesAt: gap[1], reason: gap[0] };
    const entries: Entry[] = [];
    let left = bytes;
    for (const entry of this.after(after.sequence)) {
      left -= entry.event.length;
      if (entry.sequence > head.sequence || entries.length === limit) break;
      if (left < 0 && entries.length > 0) break;
      entries.push(entry);
    }
    const last = entries.at(-1);
    const upTo = last ? { epoch: head.epoch, sequence: last.sequence, tag: last.tag } : head;
    return { kind: 'page', entries, upTo, missing: [] };
  }

  #gap(after: Cursor, head: Cursor): [GapReasonName, Cursor] | undefined {
    const floor = this.#floor.sequence > head.sequence ? head : this.#floor;
    if (!sameBytes(after.epoch, head.epoch)) return ['EPOCH_CHANGED', floor];
    if (after.sequence > head.sequence) return ['CURSOR_AHEAD', head];
    if (after.sequence < this.#floor.sequence) return ['TRIMMED', floor];
    const [entry] = this.after(after.sequence - 1);
    const { tag } = after.sequence === this.#floor.sequence ? this.#floor : (entry ?? this.#head);
    return tag === after.tag ? undefined : ['HISTORY_REWRITTEN', floor];
  }

  /** The highest number of a producer. */
  producer(instance: Uint8Array): number | undefined {
    return this.#producers.get(hex(instance))?.last;
  }

  /** A failover that loses the newest calls: a new epoch begins, above all sequences that were used. */
  failOver(lostCalls: number): void {
    for (const { rows, producers } of this.#undo.splice(-lostCalls, lostCalls).reverse()) {
      for (const [key, row] of rows) set(this.rows, key, row);
      for (const [id, known] of producers) set(this.#producers, id, known);
    }
    this.#undo = [];
    for (const [id, { last }] of this.#producers) this.#producers.set(id, { last, former: true });
    this.#entries = [];
    this.#head = this.#floor = this.#position(this.#head.sequence + 1000);
  }
}

function set<Value>(map: Map<string, Value>, key: string, value: Value | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
