/** Opens a data directory: lock, format, header, epoch, table. */
import { randomBytes, randomInt } from 'node:crypto';
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.js';
import { ID_BYTES } from '../../core/cursor.js';
import { Anchor, ANCHOR_FILE, type Left } from './anchor.js';
import { checkRoom, FORMAT, prepareFolder, readFormat, writeFormat } from './folder.js';
import { FileLedger } from './ledger.js';
import { DATA_FILE, LmdbStore } from './lmdb.js';
import { FolderLock } from './lock.js';
import { restrictModes } from './modes.js';
import { noOwnChange } from './own.js';
import { Damage } from './record.js';
import { checkEnds, groupChange, readGroups, readState, type State, stateChange } from './state.js';
import type { Used } from '../topic-groups.js';
import { settleOwn } from './settle.js';
import type { Change, Store, StoreOptions } from './store.js';
import { ceilingAbove } from './sync.js';
import type { Retention } from '../journal.js';
import type { JournalError } from '../error.js';

export interface FileJournalOptions {
  /** The data directory. Created if it is missing; its parent must exist. */
  readonly folder: string;
  readonly clock: Clock;
  readonly retention: Retention;
  /**
   * `commit` (default): the journal acknowledges a transaction after it is on the disk. `interval`: it acknowledges
   * the transaction when the operating system has it; it is on the disk 50 ms later, or as soon as the disk can. A
   * power cut may lose the last acknowledged transactions, and then the next start begins a new epoch.
   */
  readonly sync?: 'commit' | 'interval';
  /** Gets a warning for the operator about a folder that can be used. */
  readonly onWarning?: (message: string) => void;
  /** Called once, when a fault ends writing. */
  readonly onFault?: (error: JournalError) => void;
  /** Gets the errors that listeners throw. By default the process emits a warning. */
  readonly onListenerFault?: (error: unknown) => void;
  /** The id of this run of the kernel; empty if unknown. Default: the boot id of Linux. */
  readonly bootId?: string;
  /** Opens the store. Default: lmdb. Tests replace it. */
  readonly openStore?: (options: StoreOptions) => Store;
}

export interface Opened {
  readonly store: Store;
  readonly ledger: FileLedger;
  readonly groups: Map<string, Used>;
  /** `whole`: no commit failed. */
  close(whole: boolean): Promise<void>;
}

/** How many entries of a former epoch a start removes in one commit. */
const PURGE = 10_000;

/** Throws a JournalError. */
export async function openFolder(options: FileJournalOptions): Promise<Opened> {
  const { folder } = options;
  prepareFolder(folder);
  const lock = await FolderLock.take(folder);
  try {
    checkRoom(folder);
    await restrictModes(folder, options.onWarning);
    const fresh = await prepareFormat(folder);
    return await openLocked(options, lock, fresh);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Whether the journal must be created. */
async function prepareFormat(folder: string): Promise<boolean> {
  const format = await readFormat(folder);
  const data = join(folder, DATA_FILE);
  if (format && !format.unfinished) {
    if (!existsSync(data) || statSync(data).size === 0) throw new Damage(`the file ${data}`);
    if (format.number < FORMAT) await writeFormat(folder, false);
    return false;
  }
  if (!format) {
    // A start writes the format before the data, so data without a format means damage.
    if (existsSync(data)) throw new Damage(`the file ${join(folder, 'format')}`);
    await writeFormat(folder, true);
  }
  for (const name of [DATA_FILE, `${DATA_FILE}-lock`, ANCHOR_FILE]) {
    rmSync(join(folder, name), { force: true });
  }
  return true;
}

/**
 * The order of the steps guards against a kill in the middle. An unsynced state is written only while an anchor
 * exists. An anchor that shows a power cut stays until the new epoch is stored. Until `advance`, the store's view
 * holds the snapshot of the anchor.
 */
async function openLocked(
  options: FileJournalOptions,
  lock: FolderLock,
  fresh: boolean,
): Promise<Opened> {
  const { folder, clock, openStore = (given: StoreOptions) => new LmdbStore(given) } = options;
  const anchor = new Anchor(folder, join(folder, DATA_FILE), options.bootId ?? bootId());
  const left = await anchor.restore();
  const interval = options.sync === 'interval';
  const first = begin(clock, fresh, left);
  if (interval && fresh) await withStore(openStore({ folder, unsynced: false }), first);
  return withStore(
    openStore({ folder, unsynced: interval, anchor }),
    async (store) => {
      const found = await first(store);
      if (interval || left) await store.sync(ceilingAbove(found.newest.sequence));
      if (left && !interval) await anchor.clear();
      store.advance();
      await purge(store, found);
      checkEnds(store, found);
      const { state, changes } = await settleOwn(store, found, options.retention.topics);
      if (changes.length > 0) await store.commit(changes);
      store.advance();
      if (fresh) await writeFormat(folder, false);
      const ledger = new FileLedger(store, state, clock, options.retention);
      const close = async (whole: boolean): Promise<void> => {
        try {
          if (!whole || !interval) return;
          await store.sync(ledger.state.newest.sequence);
          await anchor.clear();
        } finally {
          await store.close();
          await lock.release();
        }
      };
      return { store, ledger, groups: new Map(ledger.groups), close };
    },
    true,
  );
}

/** Uses a store, and closes it afterwards unless it is kept. */
async function withStore<T>(
  store: Store,
  use: (store: Store) => Promise<T>,
  keep = false,
): Promise<T> {
  let done = false;
  try {
    const result = await use(store);
    done = true;
    return result;
  } finally {
    if (!done || !keep) await store.close();
  }
}

/** The state with which the journal goes on: the stored one, or a new epoch's, which it stores first. */
function begin(clock: Clock, fresh: boolean, left?: Left): (store: Store) => Promise<State> {
  return async (store) => {
    const former = readState(store);
    if (!former && !fresh) throw new Damage('the record of the ends of the log');
    if (former && !left?.powerCut) return former;
    const state = newEpoch(clock, former, left);
    const groups = [...readGroups(store).keys()];
    const changes = groups.map((group): Change => groupChange(group, { entries: 0, bytes: 0 }));
    const holes = (former?.own ?? []).map(noOwnChange);
    await store.commit([...changes, ...holes, stateChange(state)]);
    return state;
  };
}

/** The state of an empty log. Its sequences lie above all that were ever used, even if the calendar clock ran back. */
function newEpoch(clock: Clock, former?: State, left?: Left): State {
  const last = Math.max(former?.newest.sequence ?? 0, left?.ceiling ?? 0);
  const sequence = Math.max(last + 1, Math.floor(clock.wall() * 1000));
  const position = { sequence, tag: randomInt(2 ** 32) };
  const ends = { epoch: randomBytes(ID_BYTES), newest: position, floor: position };
  return { ...ends, entries: 0, bytes: 0, latestMs: 0, lifeMs: former?.lifeMs ?? 0, own: [] };
}

/** Removes the entries of a former epoch from the log. No reader can read them: they lie before the floor. */
async function purge(store: Store, { floor }: State): Promise<void> {
  for (;;) {
    const old = store.range('log', 0, floor.sequence + 1, PURGE);
    if (old.length === 0) return;
    await store.commit(old.map(({ key }): Change => ({ space: 'log', key, value: null })));
    store.advance();
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    // A system without a boot id. Every start after a kill counts as a start after a power cut there.
    return '';
  }
}
