/**
 * The decided state: the next transaction is judged by it, and a part of it is not yet on the disk. The ledger turns
 * transactions into outcomes and changes; it reports nothing and waits for nothing. If a commit fails, the ledger
 * must not be used any more, because all later decisions rest on that commit.
 */
import type { Clock } from '../../core/clock.js';
import { FileProducers } from './producers.js';
import { decodeRow, encodeEntry, encodeRow } from './record.js';
import type { OwnState } from './own.js';
import { FileRetention } from './retention.js';
import { groupChange, type Position, readGroups, type State } from './state.js';
import { type Change, chunks, type Store } from './store.js';
import { TopicGroups, type Used } from '../topic-groups.js';
import type { Draft, Entry, Outcome, Retention, Transaction } from '../journal.js';

export class FileLedger {
  readonly #clock: Clock;
  readonly #epoch: Uint8Array;
  readonly #retention: FileRetention;
  readonly #producers: FileProducers;
  /** The sequence that last wrote each row. */
  readonly #rows: Map<string, number>;
  readonly #groups = new TopicGroups();
  readonly #changed: Set<string>;
  /** `lifeMs` at the time of the opening, minus the clock's time then. */
  readonly #lifeOffsetMs: number;
  #newest: Position;
  #latestMs: number;

  /** Reads the table and the producers. */
  constructor(store: Store, state: State, clock: Clock, retention: Retention) {
    this.#clock = clock;
    this.#epoch = state.epoch;
    this.#newest = state.newest;
    this.#latestMs = state.latestMs;
    this.#lifeOffsetMs = state.lifeMs - clock.now();
    this.#retention = new FileRetention(store, state, retention);
    this.#producers = FileProducers.load(store);
    this.#changed = new Set(this.#groups.load(readGroups(store)));
    this.#rows = readRows(store);
  }

  /** How long the journal has been open, over all its openings. */
  get lifeMs(): number {
    return this.#lifeOffsetMs + this.#clock.now();
  }

  get state(): State {
    const { floor, entries, bytes, own } = this.#retention;
    const ends = { epoch: this.#epoch, newest: this.#newest, floor };
    return { ...ends, entries, bytes, latestMs: this.#latestMs, lifeMs: this.lifeMs, own };
  }

  /** The usage of the topics with a retention of their own that changed since the last call. */
  takeOwn(): OwnState[] {
    return this.#retention.takeChanged();
  }

  /** The usage of each group of topics. */
  get groups(): ReadonlyMap<string, Used> {
    return this.#groups.all;
  }

  /** The usage of the groups of topics that changed since the last call. */
  takeGroups(): Map<string, Used> {
    const groups = new Map<string, Used>();
    for (const group of this.#changed) groups.set(group, this.#groups.used(group));
    this.#changed.clear();
    return groups;
  }

  /** Decides the transactions of one call. Adds the changes and the entries that the journal must store to the lists. */
  decide(
    transactions: readonly Transaction[],
    tag: number,
    changes: Change[],
    entries: Entry[],
  ): Outcome[] {
    const outcomes: Outcome[] = [];
    const atMs = this.#clock.wall();
    this.#latestMs = Math.max(this.#latestMs, atMs);
    for (const transaction of transactions) {
      const refusal = this.#refusal(transaction);
      if (refusal) {
        outcomes.push(refusal);
        continue;
      }
      const { producer } = transaction;
      if (producer) this.#producers.move(producer, this.lifeMs, changes);
      outcomes.push({ kind: 'stored', first: this.#newest.sequence + 1 });
      for (const draft of transaction.entries) {
        entries.push(this.#store(draft, tag, atMs, changes));
      }
    }
    return outcomes;
  }

  /** Removes the entries that are over a limit of retention. */
  trim(changes: Change[]): void {
    for (const old of this.#retention.over(this.#clock.wall())) {
      changes.push({ space: 'log', key: old.sequence, value: null });
      this.#count(old.topic, -1, -old.bytes);
    }
  }

  /** The journal calls it when readers of the store see the entries up to this one. */
  shown(sequence: number): void {
    this.#retention.shown(sequence);
  }

  #refusal({ require = [], producer }: Transaction): Outcome | undefined {
    for (const { key, sequence } of require) {
      const actual = this.#rows.get(key) ?? 0;
      if (actual !== sequence) return { kind: 'conflict', key, actual };
    }
    const last = producer && this.#producers.last(producer.instance, this.lifeMs);
    if (last === undefined || last === producer?.previous) return undefined;
    return { kind: 'producerAt', sequence: last };
  }

  #store(draft: Draft, tag: number, atMs: number, changes: Change[]): Entry {
    const sequence = this.#newest.sequence + 1;
    this.#newest = { sequence, tag };
    const { topic, event, source, key, value } = draft;
    const plain = key === undefined;
    const entry: Entry = plain
      ? { topic, event, source, sequence, tag }
      : { ...draft, sequence, tag };
    const record = encodeEntry(entry, atMs, this.#latestMs);
    changes.push({ space: 'log', key: sequence, value: record });
    const latestMs = this.#latestMs;
    this.#retention.add({ sequence, tag, atMs, latestMs, bytes: record.length, topic });
    this.#count(topic, 1, record.length);
    if (!plain) this.#write(key, value ?? null, sequence, changes);
    return entry;
  }

  #write(name: string, value: Uint8Array | null, sequence: number, changes: Change[]): void {
    const key = Buffer.from(name);
    if (value) this.#rows.set(name, sequence);
    else this.#rows.delete(name);
    changes.push({ space: 'table', key, value: value && encodeRow(key, sequence, value) });
  }

  #count(topic: string, entries: number, bytes: number): void {
    this.#changed.add(this.#groups.count(topic, entries, bytes));
  }
}

/** The changes that store the usage of groups. */
export function groupChanges(groups: ReadonlyMap<string, Used>): Change[] {
  return [...groups].map(([group, used]) => groupChange(group, used));
}

function readRows(store: Store): Map<string, number> {
  const rows = new Map<string, number>();
  for (const chunk of chunks(store, 'table', '')) {
    for (const { key, value } of chunk) {
      const row = decodeRow(key, value);
      rows.set(row.key, row.sequence);
    }
  }
  return rows;
}
