/**
 * The store on lmdb: one database for each space.
 *
 * How lmdb syncs, observed with strace: without `overlappingSync` a commit writes its pages, calls fdatasync, then
 * writes the header page through a descriptor that was opened with O_DSYNC, and only then settles its promise. With
 * `overlappingSync`, lmdb's default, a commit writes the header first, and readers see a commit whose pages are not
 * on the disk; so it is off here. With `noSync`, lmdb syncs nothing until `sync` is called; `anchor.ts` keeps the
 * file whole then.
 *
 * lmdb has no checksums of its own pages. `pages.ts` checks them before lmdb opens the file, and names the damage
 * that can still end the process.
 */
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, open, type RootDatabase, type Transaction } from 'lmdb';
import type { Anchor } from './anchor.js';
import { fileFault } from './folder.js';
import { checkPages } from './pages.js';
import type { Change, Space, Store, Stored, StoreKey, StoreOptions } from './store.js';
import type { JournalError } from '../error.js';

export const DATA_FILE = 'journal.mdb';

/** Functions of lmdb that its types leave out. */
interface Native {
  readonly env: {
    sync(done: (error?: Error) => void): void;
    stat(): { readonly pageSize: number };
  };
}

type Settings = Parameters<typeof open>[0];
type Root = RootDatabase<Buffer, StoreKey> & Native;

export class LmdbStore implements Store {
  readonly #root: Root;
  readonly #spaces: Readonly<Record<Space, Database<Buffer, StoreKey>>>;
  readonly #anchor: Anchor | undefined;
  readonly #folder: string;
  /** The former length of a file that had lost its end and was made longer; undefined after the first commit. */
  #short: number | undefined;
  /** The snapshot that readers see: they see no commit before `advance`. */
  #view: Transaction;
  /** With `unsynced`: the last synced snapshot. While the store holds it, lmdb reuses none of its pages. */
  #synced: Transaction | undefined;

  /** Throws a JournalError. The caller must hold the lock of the folder. */
  constructor({ folder, unsynced, anchor, thorough = false }: StoreOptions) {
    this.#folder = folder;
    this.#anchor = anchor;
    const path = join(folder, DATA_FILE);
    this.#short = checkPages(path, thorough);
    let root: Root | undefined;
    try {
      root = open<Buffer, StoreKey>({
        path,
        noSubdir: true,
        encoding: 'binary',
        maxDbs: 4,
        // See the head of this file.
        overlappingSync: false,
        noSync: unsynced,
        permissionsMode: 0o600,
        // The journal groups its changes into commits itself. lmdb's types lack this setting and others.
        eventTurnBatching: false,
      } as Settings) as Root;
      this.#spaces = {
        log: database(root, 'log'),
        table: database(root, 'table'),
        producers: database(root, 'producers'),
        meta: database(root, 'meta'),
      };
      this.#view = root.useReadTransaction();
    } catch (error) {
      void (root?.close() ?? Promise.resolve()).then(() => this.#restore());
      throw this.#fault(error);
    }
    this.#root = root;
  }

  async commit(changes: readonly Change[]): Promise<void> {
    this.#short = undefined;
    try {
      await this.#root.batch(() => {
        for (const { space, key, value } of changes) {
          if (value) void this.#spaces[space].put(key, value);
          else void this.#spaces[space].remove(key);
        }
      });
    } catch (error) {
      throw this.#fault(await causeOf(error));
    }
  }

  advance(): void {
    const former = this.#view;
    this.#root.resetReadTxn();
    this.#view = this.#root.useReadTransaction();
    former.done();
  }

  get(space: Space, key: StoreKey): Buffer | undefined {
    try {
      const value = this.#spaces[space].get(key, { transaction: this.#view });
      return value && asBuffer(value);
    } catch (error) {
      throw this.#fault(error);
    }
  }

  range<Key extends StoreKey>(
    space: Space,
    from: Key,
    end: Key | undefined,
    limit: number,
    bytes = Infinity,
  ): Stored<Key>[] {
    const found: Stored<Key>[] = [];
    let left = bytes;
    const bounds = { start: from, ...(end !== undefined && { end }), limit };
    try {
      const range = this.#spaces[space].getRange({ ...bounds, transaction: this.#view });
      for (const { key, value } of range) {
        const copy = typeof key === 'number' ? key : Buffer.from(key);
        found.push({ key: copy as Key, value: asBuffer(value) });
        left -= value.length;
        if (left <= 0) break;
      }
    } catch (error) {
      throw this.#fault(error);
    }
    return found;
  }

  async sync(ceiling: number): Promise<void> {
    this.#root.resetReadTxn();
    const snapshot = this.#root.useReadTransaction();
    const header = this.#anchor?.header(this.#root.env.stat().pageSize);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#root.env.sync((error) => (error ? reject(error) : resolve()));
      });
      if (header) await this.#anchor?.set(header, ceiling);
    } catch (error) {
      snapshot.done();
      throw this.#fault(error);
    }
    this.#synced?.done();
    this.#synced = snapshot;
  }

  /** Writes a copy of the whole file without its free pages. */
  async copy(path: string): Promise<void> {
    await this.#root.backup(path, true);
  }

  async close(): Promise<void> {
    this.#view.done();
    this.#synced?.done();
    await this.#root.close();
    this.#restore();
  }

  /** Gives a file that was made longer its former length again, so that a refused file stays as it was found. */
  #restore(): void {
    if (this.#short !== undefined) truncateSync(join(this.#folder, DATA_FILE), this.#short);
  }

  #fault(error: unknown): JournalError {
    return fileFault(error, this.#folder);
  }
}

function database(root: Root, name: Space): Database<Buffer, StoreKey> {
  const keyEncoding = name === 'log' ? 'ordered-binary' : 'binary';
  return root.openDB<Buffer, StoreKey>({ name, encoding: 'binary', keyEncoding });
}

/** lmdb gives the cause of a failed commit in a promise beside the error. */
async function causeOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<unknown> };
  return commitError
    ? commitError.then(
        () => error,
        (cause: unknown) => cause,
      )
    : error;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
