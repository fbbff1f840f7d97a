/**
 * The disk as the file journal uses it: ordered spaces of keys. A commit changes all of them at once, and readers see
 * the state of one commit. Tests replace the store to fail commits, count reads and cut the power.
 */
import type { Anchor } from './anchor.js';

/** The keys of the log are sequences; the keys of the other spaces are bytes. */
export type Space = 'log' | 'table' | 'producers' | 'meta';
export type StoreKey = number | Uint8Array;

/** A value to store, or a key to delete (null). */
export interface Change {
  readonly space: Space;
  readonly key: StoreKey;
  readonly value: Buffer | null;
}

export interface Stored<Key extends StoreKey> {
  readonly key: Key;
  readonly value: Buffer;
}

export interface Store {
  /**
   * Stores all changes or none, in this order. Resolves when they are on the disk; if the store is `unsynced`, when
   * the operating system has them. The caller runs one commit at a time. Readers do not see it before `advance`.
   */
  commit(changes: readonly Change[]): Promise<void>;
  /** Shows readers every commit that has resolved. */
  advance(): void;
  get(space: Space, key: StoreKey): Buffer | undefined;
  /**
   * The records from `from` on and before `end`, in order, at most `limit` of them. Stops after the record with which
   * they reach `bytes` bytes.
   */
  range<Key extends StoreKey>(
    space: Space,
    from: Key,
    end: Key | undefined,
    limit: number,
    bytes?: number,
  ): Stored<Key>[];
  /**
   * Writes all commits to the disk, so that they survive a power cut. It begins at once; the caller must not call it
   * during a commit. `ceiling`: the journal uses no sequence above it before the next sync.
   */
  sync(ceiling: number): Promise<void>;
  close(): Promise<void>;
}

/** How many records `chunks` reads at once. */
const CHUNK = 256;

/**
 * All records of a space whose keys begin with `prefix`, in chunks. Each chunk is read when the caller asks for it, so
 * the view may advance between chunks, and no snapshot is held open.
 */
export function* chunks(
  store: Store,
  space: Exclude<Space, 'log'>,
  prefix: string,
): Iterable<readonly Stored<Uint8Array>[]> {
  let from: Uint8Array = prefix === '' ? Buffer.from([0]) : Buffer.from(prefix);
  const end = prefix === '' ? undefined : Buffer.from(prefix);
  // Every byte of UTF-8 is below 0xf8, so the last byte can be raised by one.
  if (end) end.writeUInt8(end.readUInt8(end.length - 1) + 1, end.length - 1);
  for (;;) {
    const found = store.range(space, from, end, CHUNK);
    if (found.length > 0) yield found;
    const last = found.at(-1);
    if (!last || found.length < CHUNK) return;
    from = Buffer.concat([last.key, Buffer.from([0])]);
  }
}

export interface StoreOptions {
  readonly folder: string;
  /** Commits are on the disk only after `sync`. */
  readonly unsynced: boolean;
  /** Keeps the state of the last `sync` whole over a power cut. */
  readonly anchor?: Anchor;
  /** Checks every page of the file before it opens the file. */
  readonly thorough?: boolean;
}
