/** A data directory as the source or the target of a move between engines. */
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.js';
import { MAIN } from '../../core/network-name.js';
import type { Retention } from '../journal.js';
import type { StagedJournal, Storage } from '../storage.js';
import { ANCHOR_FILE } from './anchor.js';
import { infoData } from './data.js';
import { FileCredentialStore } from './file-credential-store.js';
import { FileJournal } from './file-journal.js';
import { prepareFolder, syncFolder, writeFormat } from './folder.js';
import { DATA_FILE } from './lmdb.js';
import { FolderLock } from './lock.js';
import { networkFolder, prepareNetworks } from './network-folders.js';

/** The folder of a journal that is being filled. */
const STAGED = 'journal.import';

/** Does work that makes files. Root does it as the owner of the directory. */
type Own = <Result>(work: () => Promise<Result>) => Promise<Result>;

export interface FileStorageOptions {
  readonly data: string;
  readonly clock: Clock;
  readonly retention: Retention;
  readonly own: Own;
}

/** Its methods reject with JournalErrors. */
export function fileStorage({ data, clock, retention, own }: FileStorageOptions): Storage {
  const open = async (network: string): Promise<FileJournal> => {
    const folder = networkFolder(data, network);
    // It says what is wrong with a directory in which a coordinator would begin.
    await infoData(folder);
    return FileJournal.open({ folder, clock, retention });
  };
  return {
    place: data,
    users: async () => [],
    has: async (network) => existsSync(join(networkFolder(data, network), DATA_FILE)),
    openJournal: (network) => own(() => open(network)),
    stage: async (network, history) => {
      const staged = await own(() => stage(data, network, { clock: history, retention }));
      const { journal, commit, discard } = staged;
      return { journal, commit: () => own(commit), discard: () => own(discard) };
    },
    credentials: () =>
      own(async () => new FileCredentialStore(data, clock, { mayBeginAnew: true })),
    close: async () => undefined,
  };
}

async function stage(
  data: string,
  network: string,
  options: { readonly clock: Clock; readonly retention: Retention },
): Promise<StagedJournal> {
  const target = networkFolder(data, network);
  if (network !== MAIN) prepareFolder(data);
  prepareNetworks(data, network);
  prepareFolder(target);
  const lock = await FolderLock.take(target);
  const folder = join(target, STAGED);
  let isOpen = true;
  const end = async (): Promise<void> => {
    isOpen = false;
    await remove(folder);
    await lock.release();
  };
  try {
    await remove(folder);
    const journal = await FileJournal.open({ folder, ...options });
    return {
      journal,
      commit: async () => {
        await journal.close();
        await replace(folder, target);
        await end();
      },
      discard: async () => {
        if (!isOpen) return;
        await journal.close();
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}

async function replace(staged: string, target: string): Promise<void> {
  // Files that a killed coordinator may have left belong to the former journal.
  for (const name of [`${DATA_FILE}-lock`, ANCHOR_FILE]) await remove(join(target, name));
  await rename(join(staged, DATA_FILE), join(target, DATA_FILE));
  await writeFormat(target, false);
  await syncFolder(target);
}

function remove(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true });
}
