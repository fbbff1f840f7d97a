/**
 * One network: its journal, and the tables that the network folds from the entries. The one order of effects
 * holds here: an entry is durable, then in the tables, then with the listeners, and then its append resolves.
 * The readers that a listener wakes run after that.
 */
import type { Row } from '../../gen/ts/kelpie/v1/stream.js';
import type { Clock } from '../core/clock.js';
import { type Cursor, sameBytes } from '../core/cursor.js';
import { KelpieError } from '../core/errors.js';
import { Listeners } from '../core/listeners.js';
import { SharedTurn } from '../core/fair-turn.js';
import type { TopicFilter } from '../topics/filter.js';
import { JournalEnded, JournalError, NotStored } from '../journal/error.js';
import type {
  Entry,
  Journal,
  Outcome,
  TableRow,
  Transaction,
  Unsubscribe,
} from '../journal/journal.js';
import { Backlog, weightOf } from './backlog.js';
import { epochEnded } from './errors.js';
import type { Limits } from './limits.js';
import type { Codec, Table, Write } from './table.js';
import { Tables } from './tables.js';

/** The parts that a network needs. */
export interface NetworkParts {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly limits: Pick<Limits, 'backlogEntries' | 'backlogBytes'>;
  /** The turns that long lists and searches share. Default: turns of its own. */
  readonly searches?: SharedTurn | undefined;
  /** Called with the error of a listener that throws. */
  readonly onFault: (error: unknown) => void;
  /** Called with the time that the journal took for each transaction. */
  readonly onCommit?: ((durationMs: number) => void) | undefined;
}

/** How long the tables may take to get entries that the journal's store has. */
const CATCH_UP_MS = 5000;

/** The journal without its writing half: all writes go through `Network.commit`. */
export type ReadableJournal = Omit<Journal, 'append' | 'onAppend' | 'rows' | 'close'>;

export class Network {
  readonly journal: ReadableJournal;
  /** The turns that long lists and searches share. */
  readonly searches: SharedTurn;
  /** The writes that wait for the journal. */
  readonly backlog: Backlog;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #tables = new Tables();
  readonly #folds: Listeners<[Write]>;
  readonly #listeners: Listeners<[readonly Entry[]]>;
  readonly #commits: Listeners<[number]>;
  #head: Cursor;
  /** While rows are loaded: the sequence at which each key was deleted meanwhile. */
  #deleted: Map<string, number> | undefined;
  #ended = false;

  constructor({ journal, clock, limits, searches, onFault, onCommit }: NetworkParts) {
    this.journal = this.#journal = journal;
    this.#clock = clock;
    this.searches = searches ?? new SharedTurn(clock);
    this.backlog = new Backlog(limits, clock);
    this.#folds = new Listeners(onFault);
    this.#folds.add((write) => this.#tables.fold(write));
    this.#listeners = new Listeners(onFault);
    this.#commits = new Listeners(onFault);
    if (onCommit) this.#commits.add(onCommit);
    this.#head = journal.head;
    journal.onAppend((entries) => this.#take(entries));
  }

  /** The newest position that readers may see: the tables have all entries up to it. */
  get head(): Cursor {
    return this.#head;
  }

  /** Registers the rows whose keys begin with the prefix. Each subject registers its own rows before `load`. */
  table<T>(prefix: string, codec: Codec<T>): Table<T> {
    return this.#tables.table(prefix, codec);
  }

  /**
   * Folds the rows that the journal has. Call it once, after all kinds of rows are registered. Throws a JournalError if a
   * row cannot be decoded.
   */
  async load(): Promise<void> {
    const deleted = (this.#deleted = new Map<string, number>());
    for await (const row of this.#journal.rows('')) {
      // A row that another coordinator has deleted since the journal read it: nothing would ever remove it again.
      if (row.sequence > (deleted.get(row.key) ?? 0)) this.#load(row);
    }
    this.#deleted = undefined;
  }

  #load(row: TableRow): void {
    try {
      this.#tables.fold(row);
    } catch (cause) {
      const message = `The row "${row.key}" of the network is no row of Kelpie. Delete it there where the journal is.`;
      throw new JournalError('DAMAGED', message, cause);
    }
  }

  #take(entries: readonly Entry[]): void {
    for (const { key, value, sequence } of entries) {
      if (key === undefined) continue;
      if (!value) this.#deleted?.set(key, sequence);
      this.#folds.tell({ key, value: value ?? null, sequence });
    }
    const last = entries.at(-1);
    if (last) this.#head = { epoch: this.#head.epoch, sequence: last.sequence, tag: last.tag };
    this.#listeners.tell(entries);
  }

  /**
   * Calls the listener with entries after the tables have them, and before the append that stored them
   * resolves. The network calls listeners in the order of their registration. The tail registers first, because
   * later listeners wake the readers of the tail.
   */
  onEntries(listener: (entries: readonly Entry[]) => void): Unsubscribe {
    return this.#listeners.add(listener);
  }

  /** Resolves when the tables have every entry that is durable at the time of the call. Rejects as `reached` does. */
  async caughtUp(): Promise<void> {
    await this.reached((await this.#newest()).sequence);
  }

  /**
   * Resolves when the tables have a position that another coordinator may have handed out, or at once if the store does
   * not have it. Rejects as `reached` does.
   */
  async knows({ epoch, sequence }: Cursor): Promise<void> {
    if (sequence <= this.#head.sequence || !sameBytes(epoch, this.#head.epoch)) return;
    const newest = await this.#newest();
    if (sequence <= newest.sequence) await this.reached(sequence);
  }

  #newest(): Promise<Cursor> {
    return this.#journal.newest().catch((cause: unknown) => {
      throw cause instanceof KelpieError ? cause : behindError(cause);
    });
  }

  /** Resolves when the tables have all entries up to this sequence. Rejects if they do not have them in time. */
  async reached(sequence: number): Promise<void> {
    if (this.#head.sequence >= sequence) return;
    await new Promise<void>((resolve, reject) => {
      const cancel = this.#clock.after(CATCH_UP_MS, () => {
        forget();
        reject(behindError());
      });
      const forget = this.onEntries(() => {
        if (this.#head.sequence < sequence) return;
        cancel();
        forget();
        resolve();
      });
    });
  }

  /**
   * Stores one transaction. If a row was changed by somebody else, this resolves when the tables have that change: the
   * caller can decide again at once. Throws OUTCOME_UNKNOWN if the journal cannot report whether it stored the
   * transaction, and JOURNAL_READ_ONLY if it accepts no more writes. If the transaction is certainly not stored, it throws
   * EPOCH_ENDED after the end of the epoch, and ENGINE_UNAVAILABLE else.
   */
  async commit(transaction: Transaction): Promise<Outcome> {
    const outcome = await this.#store(transaction);
    if (outcome.kind !== 'conflict') return outcome;
    // Another coordinator deleted the row: nobody reports when.
    if (outcome.actual === 0) await this.caughtUp();
    else await this.reached(outcome.actual);
    return outcome;
  }

  /** Waits for an earlier write, before the caller commits this transaction. The backlog counts it meanwhile. */
  async behind<T>(write: Promise<T>, transaction: Transaction): Promise<T> {
    const weight = weightOf(transaction);
    this.backlog.enter(weight);
    try {
      return await write;
    } finally {
      this.backlog.leave(weight);
    }
  }

  async #store(transaction: Transaction): Promise<Outcome> {
    if (this.readOnly) throw readOnlyError();
    const startMs = this.#clock.now();
    const weight = weightOf(transaction);
    this.backlog.enter(weight);
    try {
      const [outcome] = await this.#journal.append([transaction]);
      this.#commits.tell(this.#clock.now() - startMs);
      if (outcome) return outcome;
      throw new Error('the journal gave no outcome');
    } catch (cause) {
      this.#ended ||= isEnd(cause);
      if (!(cause instanceof NotStored)) throw unknownError(cause);
      throw this.#ended ? epochEnded() : unavailableError(cause);
    } finally {
      this.backlog.leave(weight);
    }
  }

  /** Whether the epoch of the journal has ended: this network stores nothing more, and another one takes its place. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether the journal refuses all writes until the coordinator is restarted. */
  get readOnly(): boolean {
    return this.#journal.readOnly;
  }

  /** The rows that match a filter, each as it is when the iteration reaches it; undefined: see `Table.resources`. */
  resources(filter: TopicFilter): Generator<Row | undefined> {
    return this.#tables.resources(filter);
  }
}

function isEnd(error: unknown): boolean {
  if (error instanceof JournalEnded) return true;
  return error instanceof Error && error.cause instanceof JournalEnded;
}

function unknownError(cause: unknown): KelpieError {
  const message =
    'the journal did not report whether it stored the write; read the state, or try again';
  return new KelpieError('OUTCOME_UNKNOWN', message, {}, { cause, retryAfterMs: 1000 });
}

function unavailableError(cause: NotStored): KelpieError {
  const message = 'the storage of the network is away or refuses; nothing was stored, try again';
  return new KelpieError('ENGINE_UNAVAILABLE', message, {}, { cause, retryAfterMs: 1000 });
}

function behindError(cause?: unknown): KelpieError {
  const message =
    'this coordinator cannot read the newest entries of the network now; try again, here or elsewhere';
  return new KelpieError('ENGINE_UNAVAILABLE', message, {}, { cause, retryAfterMs: 1000 });
}

function readOnlyError(): KelpieError {
  const message =
    'the coordinator stored nothing, because its disk is full or failed; read its log, restart it, then try again';
  return new KelpieError('JOURNAL_READ_ONLY', message, {}, { retryAfterMs: 5000 });
}
