/**
 * Credentials in a file of lmdb beside the journal. Unlike the journal's file, several processes use it at once: lmdb
 * lets one of them write at a time. So `kelpied token` works while kelpied runs, and kelpied looks for its writes.
 */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { type Cancel, type Clock, every } from '../../core/clock.js';
import { othersTurn } from '../../core/fair-turn.js';
import type { CredentialStore, RecordChange, StoredRecord } from '../credential-store.js';
import { JournalError } from '../error.js';
import { isMarked, mark } from './credentials-mark.js';
import { fileFault, prepareFolder } from './folder.js';
import { checkPages } from './pages.js';
import { Damage, decodeRow, encodeRow } from './record.js';

export const CREDENTIALS_FILE = 'credentials.mdb';

const LOOK_MS = 1000;
/** Records that are read in one turn. */
const CHUNK = 200;
/** How often a check is repeated: another process may have written meanwhile. */
const CHECKS = 3;
const REVISION = 'revision';
const RECORD = 'credential/';
/** After every key of a record. */
const RECORDS_END = 'credential0';
const NOTHING = new Uint8Array(0);

/** The number of credentials, and the ids of those that differ from the written ones. */
export interface CredentialCheck {
  readonly credentials: number;
  readonly damaged: readonly string[];
}

type Root = RootDatabase<Buffer, string>;

export class FileCredentialStore implements CredentialStore {
  readonly #root: Root;
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #looks: Cancel | undefined;
  /** The newest revision that the user of this store has seen or written. */
  #seen = 0;
  /** Whether the last look failed: its listeners have heard of that. */
  #hasFault = false;
  #isMarked = false;
  readonly #mayBeginAnew: boolean;
  readonly #path: string;
  readonly #inode: number;
  /** The bytes of the file, which never shrinks. */
  #size: number;

  /**
   * Opens the store in a data directory, which is created if it is missing. A store that has lost its records is refused
   * when its revision is read, unless it `mayBeginAnew`. Throws a JournalError.
   */
  constructor(folder: string, clock: Clock, { mayBeginAnew = false } = {}) {
    prepareFolder(folder);
    this.#folder = folder;
    this.#clock = clock;
    this.#mayBeginAnew = mayBeginAnew;
    const path = (this.#path = join(folder, CREDENTIALS_FILE));
    check(path);
    try {
      this.#root = open<Buffer, string>({
        path,
        noSubdir: true,
        encoding: 'binary',
        // A write is durable when lmdb settles its promise; see lmdb.ts.
        overlappingSync: false,
        permissionsMode: 0o600,
        eventTurnBatching: false,
      } as Parameters<typeof open>[0]);
      ({ ino: this.#inode, size: this.#size } = statSync(path));
    } catch (error) {
      throw this.#fault(error);
    }
  }

  async revision(): Promise<number> {
    const revision = this.#read(() => this.#revision());
    if (revision > 0) await this.#mark();
    else if (!this.#mayBeginAnew && isMarked(this.#folder)) throw lost(this.#path);
    this.#seen = revision;
    return revision;
  }

  async *records(): AsyncGenerator<StoredRecord> {
    for await (const { key, value } of this.#rows()) yield this.#decoded(key, value);
  }

  /** Reads all records, also after a damaged one. */
  async check(): Promise<CredentialCheck> {
    let credentials = 0;
    const damaged: string[] = [];
    for await (const { key, value } of this.#rows()) {
      credentials++;
      try {
        decodeRow(Buffer.from(key), value);
      } catch {
        damaged.push(key.slice(RECORD.length));
      }
    }
    return { credentials, damaged };
  }

  async *#rows(): AsyncGenerator<{ readonly key: string; readonly value: Buffer }> {
    let start = RECORD;
    for (;;) {
      const page = this.#read(() => [
        ...this.#root.getRange({ start, end: RECORDS_END, limit: CHUNK }),
      ]);
      yield* page;
      const last = page.at(-1);
      if (!last || page.length < CHUNK) return;
      start = `${last.key}\0`;
      await othersTurn();
    }
  }

  async write(changes: readonly RecordChange[]): Promise<number | undefined> {
    try {
      this.#checkFile();
      const revision = await this.#root.transaction(() => this.#writeAll(changes));
      if (revision !== undefined) await this.#mark();
      return revision;
    } catch (error) {
      throw this.#fault(error);
    }
  }

  onChange(changed: () => void): () => void {
    this.#listeners.add(changed);
    this.#looks ??= every(this.#clock, LOOK_MS, () => this.#look());
    return () => this.#listeners.delete(changed);
  }

  async close(): Promise<void> {
    this.#looks?.();
    await this.#root.close();
  }

  #writeAll(changes: readonly RecordChange[]): number | undefined {
    for (const { id, expected } of changes) {
      const value = this.#root.get(RECORD + id);
      if ((value ? this.#decoded(RECORD + id, value).revision : 0) !== expected) return undefined;
    }
    const before = this.#revision();
    const revision = before + 1;
    for (const { id, bytes } of changes) {
      const key = RECORD + id;
      if (bytes) void this.#root.put(key, encodeRow(Buffer.from(key), revision, bytes));
      else void this.#root.remove(key);
    }
    void this.#root.put(REVISION, encodeRow(Buffer.from(REVISION), revision, NOTHING));
    // Only if nobody else wrote since the last look: else the next look must see that.
    if (this.#seen === before) this.#seen = revision;
    return revision;
  }

  #look(): void {
    let revision: number;
    try {
      revision = this.#read(() => this.#revision());
      this.#hasFault = false;
    } catch {
      if (this.#hasFault) return;
      this.#hasFault = true;
      // The listener reads again, and gets the error.
      revision = -1;
    }
    if (revision === this.#seen) return;
    for (const changed of this.#listeners) changed();
  }

  /** Reads what is committed now, by any process. */
  #read<Result>(read: () => Result): Result {
    try {
      this.#checkFile();
      (this.#root as Database<Buffer, string> & { resetReadTxn(): void }).resetReadTxn();
      return read();
    } catch (error) {
      throw this.#fault(error);
    }
  }

  /** Throws unless the path still has the file that lmdb uses: others would neither see what is written, nor keep it. */
  #checkFile(): void {
    const now = statSync(this.#path, { throwIfNoEntry: false });
    if (now?.ino !== this.#inode || now.size < this.#size) throw replaced(this.#path);
    this.#size = now.size;
  }

  async #mark(): Promise<void> {
    if (this.#isMarked) return;
    try {
      await mark(this.#folder);
    } catch (error) {
      throw this.#fault(error);
    }
    this.#isMarked = true;
  }

  #revision(): number {
    const value = this.#root.get(REVISION);
    return value ? decodeRow(Buffer.from(REVISION), value).sequence : 0;
  }

  #decoded(key: string, value: Buffer): StoredRecord {
    try {
      const row = decodeRow(Buffer.from(key), value);
      return { id: key.slice(RECORD.length), bytes: row.value, revision: row.sequence };
    } catch (error) {
      throw this.#fault(error);
    }
  }

  #fault(error: unknown): JournalError {
    const fault = fileFault(error, this.#folder);
    return fault.code === 'DAMAGED' ? damaged(this.#path, fault) : fault;
  }
}

/**
 * Reads the credentials in a data directory, and makes nothing. Undefined: there is no such file. Throws a JournalError
 * if the file is damaged outside its records.
 */
export async function checkCredentials(
  folder: string,
  clock: Clock,
): Promise<CredentialCheck | undefined> {
  if (!existsSync(join(folder, CREDENTIALS_FILE))) return undefined;
  const store = new FileCredentialStore(folder, clock);
  try {
    return await store.check();
  } finally {
    await store.close();
  }
}

function check(path: string): void {
  for (let attempt = 1; ; attempt++) {
    try {
      checkPages(path, true, 'shared');
      return;
    } catch (error) {
      if (!(error instanceof Damage)) throw error;
      if (attempt === CHECKS) throw damaged(path, error);
    }
  }
}

function damaged(path: string, cause: unknown): JournalError {
  if (cause instanceof JournalError && cause.code === 'DAMAGED' && !(cause instanceof Damage)) {
    return cause;
  }
  return new JournalError(
    'DAMAGED',
    `The credentials in ${path} are damaged. Kelpie skipped nothing. Restore a copy of the file; or move it away and ` +
      'make new credentials with `kelpied token create` before you start kelpied.',
    cause,
  );
}

function lost(path: string): JournalError {
  return new JournalError(
    'DAMAGED',
    `The coordinator has had credentials, and ${path} has none. Restore a copy of the file; or make a new operator ` +
      'with `kelpied token create`, and new credentials for all others.',
  );
}

function replaced(path: string): JournalError {
  return new JournalError(
    'DAMAGED',
    `The credentials in ${path} were removed, cut or replaced while the coordinator runs. It goes on with those that ` +
      'it has in memory, and changes none. Restore a copy of the file, or make a new operator with ' +
      '`kelpied token create`; then start the coordinator again.',
  );
}
