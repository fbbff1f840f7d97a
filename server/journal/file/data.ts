/** What an operator does with a data directory while no coordinator uses it. All take its lock. */
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

/** What lies in a data directory. */
export interface DataInfo {
  readonly format: number;
  /** In hex. */
  readonly epoch: string;
  readonly entries: number;
  /** Bytes of the entries; `fileBytes` is what they and everything else take on the disk. */
  readonly bytes: number;
  readonly fileBytes: number;
  readonly oldest?: { readonly sequence: number; readonly atMs: number };
  readonly newest?: { readonly sequence: number; readonly atMs: number };
  /** Topics that are kept for less than others, now or formerly; up to where they are gone, 0 for nowhere. */
  readonly topics: readonly { readonly prefix: string; readonly goneUpTo: number }[];
}

/** Reads no more than the ends of the log. Throws a JournalError. */
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
 * Writes the file anew without what is free in it, and swaps it in. Whenever it is killed or the
 * power goes, the data directory has the old file or the new one, whole: the new one is on the disk
 * before it takes the old one's name. What a killed one leaves is removed by the next.
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
    await file.sync().finally(() => file.close());
    onProgress('swapping');
    await rename(copy, path);
    await syncFolder(folder);
    return { beforeBytes, afterBytes: statSync(path).size };
  };
  return withData(folder, compact, true);
}

/**
 * Opens a data directory that nobody uses, for as long as `use` takes. `thorough`: for who reads all of it, each page
 * is looked at first.
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
    `The data directory ${folder} has no journal of format ${FORMAT} or older. Name the one that ` +
      'the coordinator uses.',
  );
}

function unsettled(folder: string): JournalError {
  return new JournalError(
    'IN_USE',
    `The coordinator of ${folder} was killed while it ran with sync: interval. Start it and stop it ` +
      'once, so that what it had not put on the disk is settled.',
  );
}
