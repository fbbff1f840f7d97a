/** The operations on a data directory that no coordinator uses. Each takes the lock of the directory. */
import { existsSync, statSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hex } from '../../core/cursor.js';
import { ANCHOR_FILE } from './anchor.js';
import { checkFolder, fileFault, FORMAT, readFormat, syncFolder } from './folder.js';
import { DATA_FILE, LmdbStore } from './lmdb.js';
import { FolderLock } from './lock.js';
import { Damage, decodeEntry } from './record.js';
import { readState } from './state.js';
import { JournalError } from '../error.js';

const COPY_FILE = 'journal.copy';

/** The content of a data directory, in numbers. */
export interface DataInfo {
  readonly format: number;
  /** In hex. */
  readonly epoch: string;
  readonly entries: number;
  /** The bytes of the entries. `fileBytes` is the size of the whole file on the disk. */
  readonly bytes: number;
  readonly fileBytes: number;
  readonly oldest?: { readonly sequence: number; readonly atMs: number };
  readonly newest?: { readonly sequence: number; readonly atMs: number };
  /** Topics that have or had a retention of their own. `goneUpTo`: the last entry that was removed early, or 0. */
  readonly topics: readonly { readonly prefix: string; readonly goneUpTo: number }[];
}

/** Reads only the ends of the log. Throws a JournalError. */
export async function infoData(folder: string): Promise<DataInfo> {
  return withData(folder, async (store, format) => {
    const state = readState(store);
    if (!state) throw empty(folder);
    const fileBytes = statSync(join(folder, DATA_FILE)).size;
    const { epoch, entries, bytes, floor, newest } = state;
    const at = (from: number) => {
      const [found] = store.range('log', from, newest.sequence + 1, 1);
      return found && { sequence: found.key, atMs: decodeEntry(found.key, found.value).atMs };
    };
    const ends = { oldest: at(floor.sequence + 1), newest: at(newest.sequence) };
    const topics = state.own.map(({ prefix, removed }) => {
      return { prefix, goneUpTo: removed?.sequence ?? 0 };
    });
    return {
      ...{ format, epoch: hex(epoch), entries, bytes, fileBytes, topics },
      ...(ends.oldest && { oldest: ends.oldest }),
      ...(ends.newest && { newest: ends.newest }),
    };
  });
}

/**
 * Writes the file anew without its free pages, and replaces the old file. If the process is killed or the power
 * fails, the data directory holds the old file or the new one, whole: the new file is on the disk before it takes
 * the old one's name. The next run removes the remains of a killed one.
 */
export async function compactData(
  folder: string,
  onProgress: (step: 'copying' | 'swapping') => void = () => undefined,
): Promise<{ readonly beforeBytes: number; readonly afterBytes: number }> {
  const path = join(folder, DATA_FILE);
  const copy = join(folder, COPY_FILE);
  const compact = async (
    store: LmdbStore,
  ): Promise<{ beforeBytes: number; afterBytes: number }> => {
    const beforeBytes = statSync(path).size;
    onProgress('copying');
    await rm(copy, { force: true });
    await store.copy(copy);
    const file = await open(copy, 'r+');
    try {
      // lmdb creates the copy with the rights that the umask of the process allows.
      await file.chmod(0o600);
      await file.sync();
    } finally {
      await file.close();
    }
    onProgress('swapping');
    await rename(copy, path);
    await syncFolder(folder);
    return { beforeBytes, afterBytes: statSync(path).size };
  };
  return withData(folder, compact, true);
}

/**
 * Opens a data directory that no process uses, while `use` runs. `thorough`: checks every page before. For a caller
 * that reads the whole file.
 */
export async function withData<T>(
  folder: string,
  use: (store: LmdbStore, format: number) => Promise<T>,
  thorough = false,
): Promise<T> {
  if (!existsSync(folder)) throw missing(folder);
  checkFolder(folder);
  const lock = await FolderLock.take(folder);
  try {
    const format = await readFormat(folder);
    if (!format || format.unfinished) throw empty(folder);
    if (!existsSync(join(folder, DATA_FILE)))
      throw new Damage(`the file ${join(folder, DATA_FILE)}`);
    if (existsSync(join(folder, ANCHOR_FILE))) throw unsettled(folder);
    const store = new LmdbStore({ folder, unsynced: false, thorough });
    try {
      return await use(store, format.number);
    } finally {
      await store.close();
    }
  } catch (error) {
    throw fileFault(error, folder);
  } finally {
    await lock.release();
  }
}

function missing(folder: string): JournalError {
  return new JournalError(
    'FOLDER',
    `There is no data directory ${folder}. Name the one that the coordinator uses.`,
  );
}

function empty(folder: string): JournalError {
  return new JournalError(
    'FOLDER',
    `The data directory ${folder} contains no journal of format ${FORMAT} or older. Name the directory ` +
      'that the coordinator uses.',
  );
}

function unsettled(folder: string): JournalError {
  return new JournalError(
    'IN_USE',
    `The coordinator of ${folder} was killed while it ran with sync: interval. Start it and stop it ` +
      'once: it settles the writes that were not on the disk.',
  );
}
