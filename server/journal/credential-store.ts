/**
 * The port of an engine to credentials. They are outside of table and journal: no snapshot, event or list shows them.
 * All coordinators on one engine have the same store, and so does `kelpied token` while a coordinator runs.
 */

/** A stored credential. */
export interface StoredRecord {
  readonly id: string;
  readonly bytes: Uint8Array;
  /** The revision of the store with which the record was written. */
  readonly revision: number;
}

/** A write of one record, which takes place only if the stored record has the expected revision. */
export interface RecordChange {
  readonly id: string;
  /** Null deletes the record. */
  readonly bytes: Uint8Array | null;
  /** The revision that the stored record must have; 0: there must be none. */
  readonly expected: number;
}

export interface CredentialStore {
  /**
   * Grows with each write, by anybody, and never runs back, also when records are deleted. 0: the store has never had a
   * record. Rejects with a JournalError if the store cannot be read or is damaged.
   */
  revision(): Promise<number>;
  /**
   * All records, read in pieces. A record that somebody writes or deletes meanwhile comes as it was, as it is, or not at
   * all; the revision has changed then.
   */
  records(): AsyncIterable<StoredRecord>;
  /**
   * Writes all of the changes, or none if a record has another revision than expected. Resolves when the write is
   * durable: with the new revision of the store and of each written record, or with undefined if nothing was written.
   */
  write(changes: readonly RecordChange[]): Promise<number | undefined>;
  /** Calls at the latest 1 s after another user of the store wrote. Returns how to stop. */
  onChange(changed: () => void): () => void;
  close(): Promise<void>;
}

/** The memory of a coordinator outside of its store: a store that lost its records must not make it open for everybody. */
export interface CredentialsMark {
  /** Whether the coordinator has had credentials. */
  isSet(): boolean;
  /** Resolves when the mark is durable. */
  set(): Promise<void>;
}
