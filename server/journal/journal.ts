/**
 * The port to whatever stores the facts of one network: a journal of entries, and a table of rows
 * that entries with a key set or delete in the same atomic step. Engines live beside this file;
 * `test/contract/journal.ts` is what an engine must pass.
 */
import type { Cursor } from '../core/cursor.js';

/** What the journal guarantees about writes, reads and their order, for every engine. */
export interface Journal {
  /**
   * Stores transactions in the order given, and calls in the order made. Each is stored whole, its
   * entries consecutive, or not at all; sequences have no holes. `require` is judged before
   * `producer`. A transaction that is too large rejects the call, and nothing of it is stored. The
   * outcomes are told when they are durable, and after the listeners of `onAppend` saw
   * the entries. Any other rejection
   * means that the outcome is unknown.
   */
  append(transactions: readonly Transaction[]): Promise<Outcome[]>;
  /**
   * The entries strictly after a cursor, oldest first, at most `limit` (1 or more) and so many bytes, but
   * always one of them; an empty page when there is none. A Gap if they are not all there, or if the cursor belongs to another history; what topics with a
   * retention of their own have lost, the page names. A cursor at an entry that was lost so can be read
   * after; its tag is not checked.
   */
  read(after: Cursor, limit: number, bytes?: number): Promise<Page | JournalGap>;
  /**
   * The rows whose key begins with `prefix`, each once or more, in no promised order. A live
   * iteration: rows may be newer than its beginning, and what changes meanwhile is in the entries.
   */
  rows(prefix: string): AsyncIterable<TableRow>;
  /** The highest number that the producer has stored, or undefined if it is not known. */
  producer(instance: Uint8Array): Promise<number | undefined>;
  /**
   * The position after which entries are at most `ageMs` old by the calendar clock. Where that clock
   * has run back, older ones may be among them; none that is young enough is left out, and of those that
   * were lost early the page that is read from there says so.
   */
  since(ageMs: number): Promise<Cursor>;
  /** The newest durable position. Nothing that this journal shows lies after it. */
  readonly head: Cursor;
  /** The position before the oldest entry. */
  readonly oldest: Cursor;
  /** What a told outcome survives, as in the contract. */
  readonly durability: Durability;
  /** A fault has ended writing, until it is opened anew: every `append` rejects. Reading goes on. */
  readonly readOnly: boolean;
  /** What the journal holds. */
  usage(): Usage;
  /**
   * Calls the listener with entries that became durable, each once, in order, whoever appended
   * them; always before the `append` that stored them resolves. What a listener throws is reported
   * and changes nothing: neither what is stored, nor the outcomes, nor what other listeners see.
   */
  onAppend(listener: (entries: readonly Entry[]) => void): Unsubscribe;
  /** Releases what the engine holds. Pending appends are settled first. */
  close(): Promise<void>;
}

/**
 * What an outcome survives that was acknowledged: NONE nothing; POWER_LOSS the end of the process and a
 * power cut;
 * PROCESS_CRASH the end of the process, and a power cut but for the last milliseconds before it,
 * whose loss the next start says by a new epoch.
 */
export type Durability = 'NONE' | 'PROCESS_CRASH' | 'POWER_LOSS';

/** Ends a subscription. Calling it again does nothing. */
export type Unsubscribe = () => void;

/** A row must be as it was seen: last written by the entry of this sequence, 0 = absent. */
export interface Requirement {
  readonly key: string;
  readonly sequence: number;
}

/** Entries that are stored together, under conditions. */
export interface Transaction {
  /** Rows that must still be what the writer saw: the sequence that last wrote them, 0 = absent. */
  readonly require?: readonly Requirement[];
  /** Makes the transaction idempotent. */
  readonly producer?: Producer;
  /** 1 to 1000; none only to move a producer on. */
  readonly entries: readonly Draft[];
}

/**
 * Numbers of a publisher. The number stored for the instance must be `previous`, then it becomes
 * `last`; an instance that is not known may begin anywhere.
 */
export interface Producer {
  /** 16 bytes. */
  readonly instance: Uint8Array;
  readonly previous: number;
  readonly last: number;
}

/** An entry that is to be stored. */
export interface Draft {
  readonly topic: string;
  /** The encoded Event without its sequence; empty for entries that are no event. */
  readonly event: Uint8Array;
  /** The node that it comes from; empty for none. */
  readonly source: string;
  /** The row that it writes. */
  readonly key?: string;
  /** The row's new value; null deletes it. Needed with `key`. */
  readonly value?: Uint8Array | null;
}

/** A stored entry. */
export interface Entry extends Draft {
  readonly sequence: number;
  /** Drawn once for each `append` call. */
  readonly tag: number;
}

/** What became of a transaction. Only `first` means that it is stored. */
export type Outcome =
  /** Stored; the sequence of its first entry (of the next one, if it has none). */
  | { readonly kind: 'stored'; readonly first: number }
  /** A row was not what `require` demands; `actual` is the sequence that last wrote it. */
  | { readonly kind: 'conflict'; readonly key: string; readonly actual: number }
  /** The producer's number was not `previous` but this. */
  | { readonly kind: 'producerAt'; readonly sequence: number };

/** Entries in order, and the position after them. */
export interface Page {
  readonly kind: 'page';
  readonly entries: readonly Entry[];
  readonly upTo: Cursor;
  /** What else lay after the cursor, or beyond this page, and is not there any more. */
  readonly missing: readonly Missing[];
}

/** All entries up to and with a position whose topic is `prefix` or lies below it are gone. */
export interface Missing {
  readonly prefix: string;
  readonly upTo: Cursor;
}

/** Why entries cannot be read, as in the contract. */
export type GapReasonName = 'TRIMMED' | 'EPOCH_CHANGED' | 'HISTORY_REWRITTEN' | 'CURSOR_AHEAD';

/** All after `lostAfter` up to and with `resumesAt` cannot be read; go on after `resumesAt`. */
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

/** What a journal holds. */
export interface Usage {
  readonly entries: number;
  readonly bytes: number;
  /** The topics by their first two tokens, largest first, at most 10. */
  readonly topics: readonly {
    readonly topic: string;
    readonly entries: number;
    readonly bytes: number;
  }[];
  /** What topics with a retention of their own use. */
  readonly own: readonly {
    readonly limits: TopicRetention;
    readonly entries: number;
    readonly bytes: number;
  }[];
}

/**
 * How much history is kept: whichever limit is reached first. Enforced when entries are stored, by a
 * bounded amount of work for each: after much has grown old at once it lags behind.
 */
export interface Retention {
  readonly entries: number;
  readonly bytes: number;
  readonly ageMs: number;
  /** Topics of which less is kept. None lies below another one. */
  readonly topics?: readonly TopicRetention[];
}

/** The same for a topic and all below it. Rows that the entries wrote stay in the table. */
export interface TopicRetention extends Partial<Omit<Retention, 'topics'>> {
  readonly prefix: string;
}

/** Entries of one transaction at the most. */
export const TRANSACTION_ENTRIES = 1000;
/** Producers that are remembered at the most. */
export const PRODUCERS = 100_000;
/** How long a producer is remembered after its last write. */
export const PRODUCER_AGE_MS = 24 * 60 * 60 * 1000;
