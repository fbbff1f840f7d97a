/**
 * What the file journal asks of a disk: ordered spaces of keys, changed all at once, and read as of
 * one commit. The seam at which tests fail commits, count reads and cut the power.
 */
import type { Anchor } from './anchor.js';

/** The log's keys are sequences, all others bytes. */
export type Space = 'log' | 'table' | 'producers' | 'meta';
export type StoreKey = number | Uint8Array;

/** Something to store, or to delete (null). */
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
   * Stores all or nothing, in this order. Resolves when it is on the disk, or with `sync: interval` when
   * the operating system has it. One at a time. Readers do not see it yet.
   */
  commit(changes: readonly Change[]): Promise<void>;
  /** Lets readers see every commit that has resolved. */
  advance(): void;
  get(space: Space, key: StoreKey): Buffer | undefined;
  /**
   * What lies at `from` or after it and before `end`, in order, at most `limit`, and nothing after that with
   * which there are so many bytes.
   */
  range<Key extends StoreKey>(
    space: Space,
    from: Key,
    end: Key | undefined,
    limit: number,
    bytes?: number,
  ): Stored<Key>[];
  /**
   * Puts what was committed on the disk, so that a power cut loses nothing of it. Begins at once, and must not
   * begin while a commit is under way. `ceiling`: no sequence above it is handed out before the next.
   */
  sync(ceiling: number): Promise<void>;
  close(): Promise<void>;
}

/** How many records are read at once where all of a kind are. */
const CHUNK = 256;

/**
 * All of a space whose keys begin with `prefix`, in pieces, each read when it is asked for: so in between the
 * view may advance, and nothing is held open.
 */
export function* chunks(
  store: Store,
  space: Exclude<Space, 'log'>,
  prefix: string,
): Iterable<readonly Stored<Uint8Array>[]> {
  let from: Uint8Array = prefix === '' ? Buffer.from([0]) : Buffer.from(prefix);
  const end = prefix === '' ? undefined : Buffer.from(prefix);
  // The last byte of UTF-8 is below 0xf8, so there is a next one.
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
  /** Commits are not synced by themselves. */
  readonly unsynced: boolean;
  /** Guards what `sync` has put on the disk. */
  readonly anchor?: Anchor;
  /** Every page of the file is looked at before it is opened. */
  readonly thorough?: boolean;
}
