/** Writes about players: each made of the row as it was seen, many in one transaction. */
import { KelpieError } from '../core/errors.js';
import type { Draft, Requirement } from '../journal/journal.js';
import type { Network } from './network.js';
import type { PlayerTable } from './player-table.js';

/** What is to be written about one player, or what he was seen as. */
export interface PlayerWrite {
  readonly seen: Requirement;
  readonly drafts: readonly Draft[];
}

/** What became of writes. `changed`: a row is not what it was seen as. `stale`: nor is the owner. */
export type Written = 'stored' | 'changed' | 'stale';

/** Fewer than a transaction may have, so that its owner's own entries fit. */
const ENTRIES = 900;
const BYTES = 512 * 1024;

/**
 * Commits writes in the name of an owner. More than fit are several transactions, each whole; the first
 * that is refused ends it.
 */
export async function commitWrites(
  network: Network,
  fence: Requirement | undefined,
  writes: readonly PlayerWrite[],
): Promise<Written> {
  for (let rest = writes; rest.length > 0;) {
    const part = fitting(rest);
    rest = rest.slice(part.length);
    const written = await network.commit(transactionOf(part, fence));
    if (written.kind === 'stored') continue;
    return written.kind === 'conflict' && written.key === fence?.key ? 'stale' : 'changed';
  }
  return 'stored';
}

/**
 * The writes that end whom a proxy holds, as far as they fit beside the owner's own entries; those
 * that do not are committed first.
 */
export async function lastWrites(
  network: Network,
  fence: Requirement,
  writesNow: () => readonly PlayerWrite[],
): Promise<readonly PlayerWrite[]> {
  for (;;) {
    const writes = writesNow();
    const part = fitting(writes);
    // A stale owner's next transaction is refused as this one would be.
    if (part.length === writes.length) return writes;
    if ((await commitWrites(network, fence, part)) === 'stale') return [];
  }
}

/** The requirements and entries of writes, and of their owner. */
export function transactionOf(writes: readonly PlayerWrite[], fence: Requirement | undefined) {
  return {
    require: [...(fence ? [fence] : []), ...writes.map(({ seen }) => seen)],
    entries: writes.flatMap(({ drafts }) => drafts),
  };
}

/** A write about a player whose row is as the table has it. */
export function writeOf(players: PlayerTable, id: string, drafts: readonly Draft[]): PlayerWrite {
  return { seen: players.seen(id), drafts };
}

/** The error where the rows were never twice the same. */
export function contested(): KelpieError {
  const message = 'others write about these players all the time; send SyncPlayers';
  return new KelpieError('OUTCOME_UNKNOWN', message, {}, { retryAfterMs: 1000 });
}

function fitting(writes: readonly PlayerWrite[]): readonly PlayerWrite[] {
  let entries = 0;
  let bytes = 0;
  const over = writes.findIndex(({ drafts }) => {
    entries += drafts.length;
    for (const { event, value } of drafts) bytes += event.length + (value?.length ?? 0);
    return entries > ENTRIES || bytes > BYTES;
  });
  // One alone always goes.
  return over === -1 ? writes : writes.slice(0, Math.max(1, over));
}
