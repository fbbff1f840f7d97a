/** How presences end that their proxies do not end themselves. */
import { PlayerLeaveReason } from '../../gen/ts/kelpie/v1/player.js';
import { sameBytes } from '../core/cursor.js';
import { FairTurn, othersTurn } from '../core/fair-turn.js';
import type { Draft, Requirement } from '../journal/journal.js';
import type { Dependent, Ending } from '../nodes/dependents.js';
import type { Network } from '../network/network.js';
import type { PlayerRow } from './rows.js';
import {
  bytesOf,
  commitWrites,
  contested,
  type PlayerWrite,
  transactionOf,
  WRITE_BYTES,
  writeOf,
} from './writes.js';

/** Players who are ended at once where they do not fit into their node's own transaction. */
const PAGE = 64;
/** How often somebody else may be faster with a player of a page. */
const ATTEMPTS = 16;

/** The entry that ends a presence. */
export function endDraft(network: Network, row: PlayerRow, reason: PlayerLeaveReason): Draft {
  const time = new Date(network.options.clock.wall());
  const body = { $case: 'playerLeft', value: { player: row.player, reason } } as const;
  return network.playerRows.draft(row, time, body, null);
}

/** Whether the process that holds the player still owns its node. */
export function hasOwner(network: Network, { proxy, instance }: PlayerRow): boolean {
  const owner = network.nodeRows.owners.get(proxy)?.value;
  return owner !== undefined && sameBytes(owner.instanceId, instance);
}

/** The players of a proxy end with it. */
export function playersOfNodes(network: Network): Dependent {
  const { playerRows } = network;
  return {
    async end(node, fence, room) {
      for (;;) {
        const last = await lastOf(network, node, fence, room);
        if (last) return last;
        // A stale owner's own transaction will be refused as this page was.
        const ids = playerRows.ownedBy.get(node);
        if (!(await endPages(network, ids, fence, ({ proxy }) => proxy === node))) return nothing;
      }
    },
    sweep: (node) => endOrphansOf(network, node),
  };
}

const nothing: Ending = { require: [], entries: [] };

/** What ends all players of a proxy in one transaction with it; undefined if they are too many. */
async function lastOf(
  network: Network,
  node: string,
  fence: Requirement,
  room: number,
): Promise<Ending | undefined> {
  const ids = network.playerRows.ownedBy.get(node);
  if (ids.size > room) return undefined;
  const turn = new FairTurn(network.options.clock);
  const writes: PlayerWrite[] = [];
  let bytes = 0;
  for (const id of ids) {
    const ends = turn.work(() => endsNow(network, [id], ({ proxy }) => proxy === node));
    writes.push(...ends);
    for (const end of ends) bytes += bytesOf(end);
    if (writes.length > room || bytes > WRITE_BYTES) return undefined;
    await turn.over();
  }
  return transactionOf(writes, fence);
}

/** Ends players whom nobody holds: a coordinator was lost before it had ended them. */
export async function endOrphans(network: Network): Promise<void> {
  const all = function* (): Generator<string> {
    for (const [id] of network.playerRows.entries()) yield id;
  };
  await endPages(network, all(), undefined, isOrphan(network));
}

/** Ends whom a process still got while its node ended, unless a newer owner comes to hold them. */
async function endOrphansOf(network: Network, node: string): Promise<void> {
  const { playerRows, nodeRows } = network;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const fence = nodeRows.fence(node, nodeRows.owners.get(node)?.sequence ?? 0);
    if (await endPages(network, playerRows.ownedBy.get(node), fence, isOrphan(network))) return;
  }
}

/** Which players are to end, as their rows are in the moment in which the end is written. */
type IsOver = (row: PlayerRow) => boolean;

function isOrphan(network: Network): IsOver {
  return (row) => !hasOwner(network, row);
}

/**
 * Ends players page by page, and lets everybody else have a turn after each: one pass over them, however
 * many they are. They may come and go meanwhile. False: the fence is stale.
 */
async function endPages(
  network: Network,
  ids: Iterable<string>,
  fence: Requirement | undefined,
  isOver: IsOver,
): Promise<boolean> {
  let page: string[] = [];
  for (const id of ids) {
    const row = network.playerRows.get(id)?.value;
    if (!row || !isOver(row) || page.push(id) < PAGE) continue;
    if (!(await endPage(network, page, fence, isOver))) return false;
    page = [];
    await othersTurn();
  }
  return endPage(network, page, fence, isOver);
}

async function endPage(
  network: Network,
  ids: readonly string[],
  fence: Requirement | undefined,
  isOver: IsOver,
): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const written = await commitWrites(network, fence, endsNow(network, ids, isOver));
    // Changed: somebody else wrote one of them meanwhile, and another proxy may hold them now.
    if (written !== 'changed') return written === 'stored';
  }
  throw contested();
}

function endsNow(network: Network, ids: Iterable<string>, isOver: IsOver): PlayerWrite[] {
  const { playerRows } = network;
  return [...ids].flatMap((id) => {
    const row = playerRows.get(id)?.value;
    if (!row || !isOver(row)) return [];
    return [writeOf(playerRows, id, [endDraft(network, row, PlayerLeaveReason.PROXY_LOST)])];
  });
}
