/**
 * The journal in a file, for a single coordinator. The journal decides transactions in memory, in the order of their
 * calls. All decisions that come while the disk is busy form one commit (group commit). The journal reports no
 * outcome, stored or refused, before the commit that it rests on is durable. Readers see a snapshot. The snapshot
 * advances after the commit and just before the listeners get the entries, so no reader sees an entry early.
 *
 * If a commit fails, all later decisions fail with it, because they rest on it. From then on the journal stores
 * nothing; it can still be read.
 */
import { randomInt } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Cursor } from '../../core/cursor.js';
import { othersTurn } from '../../core/fair-turn.js';
import { Listeners } from '../../core/listeners.js';
import { FileLedger, groupChanges } from './ledger.js';
import { ownChange, type OwnState } from './own.js';
import { type FileJournalOptions, type Opened, openFolder } from './open.js';
import { storedProducer } from './producers.js';
import { FileReader } from './reader.js';
import { checkDraft } from './record.js';
import { type State, stateChange } from './state.js';
import { largest, type Used } from '../topic-groups.js';
import { type Change, chunks } from './store.js';
import { IntervalSync } from './sync.js';
import {
  type Durability,
  type Entry,
  type Journal,
  type JournalGap,
  type Outcome,
  type Page,
  type StoredProducer,
  type TableRow,
  type TopicRetention,
  type Transaction,
  TRANSACTION_ENTRIES,
  type Unsubscribe,
  type Usage,
} from '../journal.js';
import { JournalError } from '../error.js';

export type { FileJournalOptions } from './open.js';

/** A call of `append` that is decided and not yet acknowledged. */
interface Call {
  readonly outcomes: Outcome[];
  readonly resolve: (outcomes: Outcome[]) => void;
  readonly reject: (error: JournalError) => void;
}

/** The decisions that become durable in one commit. */
interface Group {
  readonly changes: Change[];
  readonly entries: Entry[];
  readonly calls: Call[];
}

export class FileJournal implements Journal {
  readonly durability: Durability;
  readonly #options: FileJournalOptions;
  readonly #opened: Opened;
  readonly #ledger: FileLedger;
  readonly #reader: FileReader;
  /** Undefined unless `sync` is `interval`. */
  readonly #syncs: IntervalSync | undefined;
  /** The usage of each group of topics, in acknowledged entries. */
  readonly #groups: Map<string, Used>;
  readonly #listeners: Listeners<[readonly Entry[]]>;
  /** The state after the last acknowledged commit: the newest one that readers may see. */
  #acknowledged: State;
  #next: Group | undefined;
  #working: Promise<void> | undefined;
  #fault: JournalError | undefined;
  #closing: Promise<void> | undefined;

  /**
   * Opens the journal of a data directory, and creates it if it is missing. Throws a JournalError. Reads the table,
   * the producers and the ends of the log, but not the history.
   */
  static async open(options: FileJournalOptions): Promise<FileJournal> {
    return new FileJournal(options, await openFolder(options));
  }

  private constructor(options: FileJournalOptions, opened: Opened) {
    this.durability = options.sync === 'interval' ? 'PROCESS_CRASH' : 'POWER_LOSS';
    this.#options = options;
    this.#listeners = new Listeners(options.onListenerFault);
    this.#opened = opened;
    this.#ledger = opened.ledger;
    this.#groups = opened.groups;
    this.#acknowledged = opened.ledger.state;
    this.#reader = new FileReader(opened.store, () => this.#acknowledged);
    if (options.sync === 'interval') {
      const wake = (): void => this.#wake();
      const fail = (error: unknown): void => this.#fail(error);
      this.#syncs = new IntervalSync({ store: opened.store, clock: options.clock, wake, fail });
    }
  }

  get head(): Cursor {
    return { epoch: this.#acknowledged.epoch, ...this.#acknowledged.newest };
  }

  async newest(): Promise<Cursor> {
    return this.head;
  }

  get oldest(): Cursor {
    return { epoch: this.#acknowledged.epoch, ...this.#acknowledged.floor };
  }

  get readOnly(): boolean {
    return this.#fault !== undefined;
  }

  /** Rejects with a RangeError if a transaction is too large, otherwise with a JournalError. */
  async append(transactions: readonly Transaction[]): Promise<Outcome[]> {
    checkSizes(transactions);
    if (this.#fault) throw readOnly(this.#fault);
    if (this.#closing) throw new JournalError('CLOSED', 'The journal is closed.');
    const group = (this.#next ??= { changes: [], entries: [], calls: [] });
    let outcomes: Outcome[];
    try {
      outcomes = this.#ledger.decide(transactions, newTag(), group.changes, group.entries);
      this.#ledger.trim(group.changes);
    } catch (error) {
      // The ledger cannot undo a half-made decision, and the journal must not store it.
      this.#fail(error);
      throw readOnly(error);
    }
    return new Promise((resolve, reject) => {
      group.calls.push({ outcomes, resolve, reject });
      this.#wake();
    });
  }

  read(after: Cursor, limit: number, bytes?: number): Promise<Page | JournalGap> {
    return this.#reader.read(after, limit, bytes);
  }

  rows(prefix: string): AsyncIterable<TableRow> {
    return this.#reader.rows(prefix);
  }

  async producer(instance: Uint8Array): Promise<number | undefined> {
    const record = this.#opened.store.get('producers', instance);
    return record && storedProducer(instance, record, this.#ledger.lifeMs);
  }

  async *producers(): AsyncIterable<StoredProducer> {
    for (const chunk of chunks(this.#opened.store, 'producers', '')) {
      for (const { key, value } of chunk) {
        const last = storedProducer(key, value, this.#ledger.lifeMs);
        if (last !== undefined) yield { instance: key, last };
      }
      await othersTurn();
    }
  }

  async since(ageMs: number): Promise<Cursor> {
    return this.#reader.before(this.#options.clock.wall() - ageMs);
  }

  usage(): Usage {
    const topics = largest(this.#groups);
    const own = (this.#options.retention.topics ?? []).map((limits) => {
      const { entries = 0, bytes = 0 } = this.#acknowledged.own.find(isOf(limits)) ?? {};
      return { limits, entries, bytes };
    });
    return { entries: this.#acknowledged.entries, bytes: this.#acknowledged.bytes, topics, own };
  }

  onAppend(listener: (entries: readonly Entry[]) => void): Unsubscribe {
    return this.#listeners.add(listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    while (this.#working) await this.#working;
    await this.#syncs?.stop();
    this.#listeners.clear();
    await this.#opened.close(this.#fault === undefined);
  }

  #wake(): void {
    this.#working ??= this.#work();
  }

  /** Runs one commit after the other. All decisions of one turn of the event loop go into the same commit. */
  async #work(): Promise<void> {
    await nextTurn();
    while (!this.#fault && (this.#next ?? this.#syncs?.due)) {
      this.#syncs?.beginIfDue(this.#acknowledged.newest.sequence);
      const group = this.#next;
      this.#next = undefined;
      if (group) await this.#commit(group);
      // Callers that got their outcomes may append more, which then goes into the next commit.
      await nextTurn();
    }
    // Set here and not in a continuation: a decision that comes after this line must start the work again.
    this.#working = undefined;
  }

  async #commit(group: Group): Promise<void> {
    const { state } = this.#ledger;
    const groups = this.#ledger.takeGroups();
    const own = this.#ledger.takeOwn();
    try {
      // A group of refusals alone rests on state that is durable already: it needs no commit.
      if (group.changes.length > 0) {
        group.changes.push(...groupChanges(groups), ...own.map(ownChange), stateChange(state));
        await this.#opened.store.commit(group.changes);
        this.#opened.store.advance();
      }
      this.#acknowledge(group, state, groups);
    } catch (error) {
      this.#fail(error, group.calls);
      return;
    }
    if (group.changes.length > 0) this.#syncs?.committed();
  }

  #acknowledge({ entries, calls }: Group, state: State, groups: ReadonlyMap<string, Used>): void {
    this.#acknowledged = state;
    this.#ledger.shown(state.newest.sequence);
    for (const [group, used] of groups) {
      if (used.entries === 0) this.#groups.delete(group);
      else this.#groups.set(group, used);
    }
    if (entries.length > 0) this.#listeners.tell(entries);
    for (const { outcomes, resolve } of calls) resolve(outcomes);
  }

  /** The first fault ends writing: rejects all waiting calls, and `append` rejects from then on. */
  #fail(error: unknown, calls: readonly Call[] = []): void {
    const waiting = [...calls, ...(this.#next?.calls ?? [])];
    this.#next = undefined;
    const first = this.#fault === undefined;
    const fault = (this.#fault ??= asFault(error));
    for (const { reject } of waiting) reject(readOnly(fault));
    if (first) this.#options.onFault?.(fault);
  }
}

function checkSizes(transactions: readonly Transaction[]): void {
  for (const { entries } of transactions) {
    if (entries.length > TRANSACTION_ENTRIES) {
      throw new RangeError(`a transaction may have at most ${TRANSACTION_ENTRIES} entries`);
    }
    for (const draft of entries) checkDraft(draft);
  }
}

function asFault(error: unknown): JournalError {
  if (error instanceof JournalError) return error;
  return new JournalError('IO', `The journal failed: ${String(error)}. Start it again.`, error);
}

/** The error of every `append` after a fault. */
function readOnly(cause: unknown): JournalError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new JournalError('READ_ONLY', `The journal stores nothing any more. ${why}`, cause);
}

function isOf({ prefix }: TopicRetention): (own: OwnState) => boolean {
  return (own) => own.prefix === prefix;
}

function newTag(): number {
  return randomInt(2 ** 32);
}
