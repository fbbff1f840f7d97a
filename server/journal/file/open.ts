/** From a data directory to a journal that can go on: lock, format, header, epoch, table. */
import { randomBytes, randomInt } from 'node:crypto';
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.js';
import { ID_BYTES } from '../../core/cursor.js';
import { Anchor, ANCHOR_FILE, type Left } from './anchor.js';
import { checkRoom, FORMAT, prepareFolder, readFormat, warningOf, writeFormat } from './folder.js';
import { FileLedger } from './ledger.js';
import { DATA_FILE, LmdbStore } from './lmdb.js';
import { FolderLock } from './lock.js';
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
  /** The data directory. Made if it is missing and its parent is not. */
  readonly folder: string;
  readonly clock: Clock;
  readonly retention: Retention;
  /**
   * `commit` (default): an outcome is on the disk before it is told. `interval`: it is told when the
   * operating system has it, and on the disk 50 ms later or as soon as the disk can: a power cut may take
   * what was told last, which the next start says by a new epoch.
   */
  readonly sync?: 'commit' | 'interval';
  /** Hears what an operator should know of a folder that can be used all the same. */
  readonly onWarning?: (message: string) => void;
  /** Called once, when the journal stops taking anything. */
  readonly onFault?: (error: JournalError) => void;
  /** Hears what a listener throws. Default: a warning of the process. */
  readonly onListenerFault?: (error: unknown) => void;
  /** Which run of the kernel this is; empty for unknown. Default: what Linux says. */
  readonly bootId?: string;
  /** What stores; for tests. */
  readonly openStore?: (options: StoreOptions) => Store;
}

export interface Opened {
  readonly store: Store;
  readonly ledger: FileLedger;
  readonly groups: Map<string, Used>;
  /** `whole`: everything that was committed is right. */
  close(whole: boolean): Promise<void>;
}

/** Entries that a start removes at once. */
const PURGE = 10_000;

/** Throws a JournalError. */
export async function openFolder(options: FileJournalOptions): Promise<Opened> {
  const { folder } = options;
  prepareFolder(folder);
  const warning = warningOf(folder);
  if (warning !== undefined) options.onWarning?.(warning);
  const lock = await FolderLock.take(folder);
  try {
    checkRoom(folder);
    const fresh = await prepareFormat(folder);
    return await openLocked(options, lock, fresh);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Whether the journal is to be made. */
async function prepareFormat(folder: string): Promise<boolean> {
  const format = await readFormat(folder);
  const data = join(folder, DATA_FILE);
  if (format && !format.unfinished) {
    if (!existsSync(data) || statSync(data).size === 0) throw new Damage(`the file ${data}`);
    if (format.number < FORMAT) await writeFormat(folder, false);
    return false;
  }
  if (!format) {
    // It is written before the data, so the one without the other is nothing that we left.
    if (existsSync(data)) throw new Damage(`the file ${join(folder, 'format')}`);
    await writeFormat(folder, true);
  }
  for (const name of [DATA_FILE, `${DATA_FILE}-lock`, ANCHOR_FILE]) {
    rmSync(join(folder, name), { force: true });
  }
  return true;
}

/**
 * The order matters for whoever is killed in the middle: a state that is not synced is only ever
 * written beside an anchor, and an anchor that tells of a power cut stays until the new epoch is
 * stored. Until `advance` the store's view holds the snapshot that the anchor leads to.
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

/** The state to go on from: the stored one, or that of a new epoch, which is stored first. */
function begin(clock: Clock, fresh: boolean, left?: Left): (store: Store) => Promise<State> {
  return async (store) => {
    const former = readState(store);
    if (!former && !fresh) throw new Damage('where the log begins and ends');
    if (former && !left?.powerCut) return former;
    const state = newEpoch(clock, former, left);
    const groups = [...readGroups(store).keys()];
    const changes = groups.map((group): Change => groupChange(group, { entries: 0, bytes: 0 }));
    const holes = (former?.own ?? []).map(noOwnChange);
    await store.commit([...changes, ...holes, stateChange(state)]);
    return state;
  };
}

/** An empty log, above everything that was ever handed out, whatever the calendar clock says. */
function newEpoch(clock: Clock, former?: State, left?: Left): State {
  const last = Math.max(former?.newest.sequence ?? 0, left?.ceiling ?? 0);
  const sequence = Math.max(last + 1, Math.floor(clock.wall() * 1000));
  const position = { sequence, tag: randomInt(2 ** 32) };
  const ends = { epoch: randomBytes(ID_BYTES), newest: position, floor: position };
  return { ...ends, entries: 0, bytes: 0, latestMs: 0, lifeMs: former?.lifeMs ?? 0, own: [] };
}

/** Removes what a former epoch left in the log. Nobody can read it: a start is where its log ends. */
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
    // Another system. Then every start after a kill is taken for one after a power cut.
    return '';
  }
}
