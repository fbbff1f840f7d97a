/**
 * Credentials in a file of lmdb beside the journal. Unlike the journal's file, several processes use it at once: lmdb
 * lets one of them write at a time. So `kelpied token` works while kelpied runs, and kelpied looks for its writes.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { type Cancel, type Clock, every } from '../../core/clock.js';
import { othersTurn } from '../../core/fair-turn.js';
import type { CredentialStore, RecordChange, StoredRecord } from '../credential-store.js';
import { JournalError } from '../error.js';
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

  /** Opens the store in a data directory, which is created if it is missing. Throws a JournalError. */
  constructor(folder: string, clock: Clock) {
    prepareFolder(folder);
    this.#folder = folder;
    this.#clock = clock;
    const path = join(folder, CREDENTIALS_FILE);
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
    } catch (error) {
      throw this.#fault(error);
    }
  }

  async revision(): Promise<number> {
    this.#seen = this.#read(() => this.#revision());
    return this.#seen;
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
      return await this.#root.transaction(() => this.#writeAll(changes));
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
    } catch {
      // The listener reads again, and gets the error.
      revision = -1;
    }
    if (revision === this.#seen) return;
    for (const changed of this.#listeners) changed();
  }

  /** Reads what is committed now, by any process. */
  #read<Result>(read: () => Result): Result {
    try {
      (this.#root as Database<Buffer, string> & { resetReadTxn(): void }).resetReadTxn();
      return read();
    } catch (error) {
      throw this.#fault(error);
    }
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
    return fault.code === 'DAMAGED' ? damaged(join(this.#folder, CREDENTIALS_FILE), fault) : fault;
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
