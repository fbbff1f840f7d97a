/** Writes about players: each made of the row as it was seen, many in one transaction. */
import { KelpieError } from '../core/errors.js';
import { othersTurn } from '../core/fair-turn.js';
import type { Draft, Requirement } from '../journal/journal.js';
import type { Network } from '../network/network.js';
import type { PlayerRows } from './rows.js';

/** What is to be written about one player, or what they were seen as. */
export interface PlayerWrite {
  readonly seen: Requirement;
  /** What else must be as it was seen: other rows of the person, the server that is named. */
  readonly also?: readonly Requirement[];
  readonly drafts: readonly Draft[];
}

/** What became of writes. `changed`: a row is not what it was seen as. `stale`: nor is the owner. */
export type WriteResult = 'stored' | 'changed' | 'stale';

/** Fewer than a transaction may have, so that its owner's own entries fit. */
const ENTRIES = 900;
/** The same in bytes; one write alone may have more. */
export const WRITE_BYTES = 512 * 1024;

/**
 * Commits writes in the name of an owner. More than fit are several transactions, each whole; the first
 * that is refused ends it. `onStored` hears how many were in each.
 */
export async function commitWrites(
  network: Network,
  fence: Requirement | undefined,
  writes: readonly PlayerWrite[],
  onStored?: (writes: number) => void,
): Promise<WriteResult> {
  for (let rest = writes; rest.length > 0;) {
    const part = fitting(rest);
    rest = rest.slice(part.length);
    const written = await network.commit(transactionOf(part, fence));
    if (written.kind === 'stored') {
      onStored?.(part.length);
      if (rest.length > 0) await othersTurn();
      continue;
    }
    return written.kind === 'conflict' && written.key === fence?.key ? 'stale' : 'changed';
  }
  return 'stored';
}

/** The requirements and entries of writes, and of their owner. */
export function transactionOf(writes: readonly PlayerWrite[], fence: Requirement | undefined) {
  // Many may name one server.
  const require = new Map<string, Requirement>();
  if (fence) require.set(fence.key, fence);
  for (const { seen, also = [] } of writes) {
    for (const one of [seen, ...also]) require.set(one.key, one);
  }
  return {
    require: [...require.values()],
    entries: writes.flatMap(({ drafts }) => drafts),
  };
}

/** A write about a player whose row is as the table has it. */
export function writeOf(players: PlayerRows, id: string, drafts: readonly Draft[]): PlayerWrite {
  return { seen: players.seen(id), drafts };
}

/** How many bytes a write has, about. */
export function bytesOf({ drafts }: Pick<PlayerWrite, 'drafts'>): number {
  let bytes = 0;
  for (const { event, value } of drafts) bytes += event.length + (value?.length ?? 0);
  return bytes;
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
    bytes += bytesOf({ drafts });
    return entries > ENTRIES || bytes > WRITE_BYTES;
  });
  // One alone always goes.
  return over === -1 ? writes : writes.slice(0, Math.max(1, over));
}
