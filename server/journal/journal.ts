/**
 * The port to the storage of one network: a journal of entries, and a table of rows. An entry with a key also
 * sets or deletes the row of that key, in the same atomic step. The engines stand beside this file; every engine
 * must pass the suite `test/contract/journal.ts`.
 */
import type { Cursor } from '../core/cursor.js';

/** The guarantees of every engine about writes, reads and their order. */
export interface Journal {
  /**
   * Stores the transactions in the order of the list, and calls in the order in which they were made. A
   * transaction is stored whole, with consecutive entries, or not at all; sequences have no holes. The journal
   * checks `require` before `producer`. If a transaction is too large, the call rejects and stores nothing. The
   * call resolves with the outcomes when they are durable, and after the listeners of `onAppend` got the entries.
   * It rejects with NotStored if it certainly stored nothing. Any other rejection means that the outcome is unknown.
   */
  append(transactions: readonly Transaction[]): Promise<Outcome[]>;
  /**
   * The entries strictly after a cursor, oldest first: at most `limit` (1 or more) and at most `bytes` bytes, but
   * at least one entry if there is one. Returns a gap if some of these entries are gone, or if the cursor belongs
   * to another history. Entries that a topic lost by a retention of its own make no gap: the page names these
   * losses in `missing`. A cursor may point at such a lost entry; its tag is not checked then.
   */
  read(after: Cursor, limit: number, bytes?: number): Promise<Page | JournalGap>;
  /**
   * The rows whose key begins with `prefix`, each at least once, in no promised order. The iteration is live:
   * rows may be newer than its beginning. Changes during the iteration are in the entries.
   */
  rows(prefix: string): AsyncIterable<TableRow>;
  /**
   * The highest number that the producer has stored; undefined if the journal holds none of this producer. If an epoch
   * has ended since, the number may be lower: then the journal takes any higher `previous` once.
   */
  producer(instance: Uint8Array): Promise<number | undefined>;
  /** The numbers of all producers, each at least once. The iteration is live. */
  producers(): AsyncIterable<StoredProducer>;
  /**
   * A position before all entries that are at most `ageMs` old by the calendar clock. If that clock ran back,
   * older entries may also lie after the position. Entries that a retention of its own removed early are named in
   * `missing` of the page that is read from there.
   */
  since(ageMs: number): Promise<Cursor>;
  /** The newest durable position that the listeners of this process got. The journal shows no entry after it. */
  readonly head: Cursor;
  /** Asks for the newest durable position of all writers, at the time of the call. The head comes to it by itself. */
  newest(): Promise<Cursor>;
  /** The entries of others that the listeners did not have at the last look. Undefined: there are no others. */
  readonly lagEntries?: number;
  /** The position before the oldest entry. */
  readonly oldest: Cursor;
  /** The faults that an acknowledged outcome survives. */
  readonly durability: Durability;
  /** True after a fault: every `append` rejects until the journal is opened anew. Reads still work. */
  readonly readOnly: boolean;
  usage(): Usage;
  /**
   * Calls the listener with each entry that became durable, once and in order, for every writer of the journal. The
   * call comes before the `append` that stored the entry resolves. If a listener throws, the journal reports the
   * error; the stored entries, the outcomes and the other listeners are not affected.
   */
  onAppend(listener: (entries: readonly Entry[]) => void): Unsubscribe;
  /** Releases the resources of the engine, after it has settled pending appends. */
  close(): Promise<void>;
}

/**
 * The faults that an acknowledged outcome survives; the contract has the same names. NONE: it survives no fault.
 * PROCESS_CRASH: it survives the end of the process; a power cut may take the outcomes of the last milliseconds,
 * and then the next start begins a new epoch. POWER_LOSS: it survives the end of the process and a power cut.
 */
export type Durability = 'NONE' | 'PROCESS_CRASH' | 'POWER_LOSS';

/** Ends a subscription. Calling it again does nothing. */
export type Unsubscribe = () => void;

/** A condition: the entry of this sequence is the last that wrote the row. 0: the row is absent. */
export interface Requirement {
  readonly key: string;
  readonly sequence: number;
}

/** Entries that the journal stores together, under conditions. */
export interface Transaction {
  /** The rows that must be unchanged since the writer read them. */
  readonly require?: readonly Requirement[];
  /** Makes the transaction idempotent. */
  readonly producer?: Producer;
  /** 1 to 1000. A transaction without entries only moves the producer's number. */
  readonly entries: readonly Draft[];
}

/**
 * The numbers of a publisher. The number that is stored for the instance must equal `previous`, and becomes `last`.
 * If none is stored for the instance, the publisher may begin with any number.
 */
export interface Producer {
  /** 16 bytes. */
  readonly instance: Uint8Array;
  readonly previous: number;
  readonly last: number;
}

/** The highest number that a producer has stored. */
export type StoredProducer = Pick<Producer, 'instance' | 'last'>;

/** An entry before it is stored. */
export interface Draft {
  readonly topic: string;
  /** The encoded Event without its sequence; empty for an entry that is not an event. */
  readonly event: Uint8Array;
  /** The node that wrote the entry; empty if no node did. */
  readonly source: string;
  /** The key of the row that the entry writes. */
  readonly key?: string;
  /** The row's new value; null deletes the row. Required if `key` is set. */
  readonly value?: Uint8Array | null;
}

/** A stored entry. */
export interface Entry extends Draft {
  readonly sequence: number;
  /** A random number that the engine draws for each of its writes. The entries of a small `append` share one. */
  readonly tag: number;
}

/** The outcome of a transaction. The journal stored the transaction only if the kind is `stored`. */
export type Outcome =
  /** `first` is the sequence of its first entry; of the journal's next entry if the transaction has none. */
  | { readonly kind: 'stored'; readonly first: number }
  /** A requirement failed; `actual` is the sequence that last wrote the row. */
  | { readonly kind: 'conflict'; readonly key: string; readonly actual: number }
  /** The number stored for the producer was `sequence`, not `previous`. */
  | { readonly kind: 'producerAt'; readonly sequence: number };

/** Entries in order, and the position after them. */
export interface Page {
  readonly kind: 'page';
  readonly entries: readonly Entry[];
  readonly upTo: Cursor;
  /** The losses of topics with a retention of their own that end after the cursor. */
  readonly missing: readonly Missing[];
}

/** All entries of the topic `prefix` and of topics below it are gone, up to and with a position. */
export interface Missing {
  readonly prefix: string;
  readonly upTo: Cursor;
}

/** Why the journal cannot read entries; the contract has the same names. */
export type GapReasonName = 'TRIMMED' | 'EPOCH_CHANGED' | 'HISTORY_REWRITTEN' | 'CURSOR_AHEAD';

/** Entries after `lostAfter`, up to and with `resumesAt`, cannot be read. The reader goes on after `resumesAt`. */
export interface JournalGap {
  readonly kind: 'gap';
  readonly lostAfter: Cursor;
  readonly resumesAt: Cursor;
  readonly reason: GapReasonName;
}

/** A row of the table. */
export interface TableRow {
  readonly key: string;
  readonly value: Uint8Array;
  /** The sequence of the entry that last wrote it. */
  readonly sequence: number;
}

/** The content of a journal, in numbers. */
export interface Usage {
  readonly entries: number;
  readonly bytes: number;
  /** The topics by their first two tokens, largest first, at most 10. */
  readonly topics: readonly {
    readonly topic: string;
    readonly entries: number;
    readonly bytes: number;
  }[];
  /** The usage of each topic with a retention of its own. */
  readonly own: readonly {
    readonly limits: TopicRetention;
    readonly entries: number;
    readonly bytes: number;
  }[];
}

/**
 * How much history the journal keeps. The limit that is reached first applies. The journal removes old entries when
 * it stores new ones, with bounded work for each: if many entries become too old at once, it lags behind.
 */
export interface Retention {
  readonly entries: number;
  readonly bytes: number;
  readonly ageMs: number;
  /** Topics of which the journal keeps less. None lies below another one. */
  readonly topics?: readonly TopicRetention[];
}

/** The retention of a topic and all topics below it. Rows that removed entries wrote stay in the table. */
export interface TopicRetention extends Partial<Omit<Retention, 'topics'>> {
  readonly prefix: string;
}

/** The limit of entries in one transaction. */
export const TRANSACTION_ENTRIES = 1000;
/** The limit of producers whose numbers a journal keeps. */
export const PRODUCERS = 100_000;
/** How long a journal keeps the number of a producer after its last write. */
export const PRODUCER_AGE_MS = 24 * 60 * 60 * 1000;
