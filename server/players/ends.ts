/** How presences end that their proxies do not end themselves. */
import { PlayerLeaveReason } from '../../gen/ts/kelpie/v1/player.js';
import { FairTurn, othersTurn } from '../core/fair-turn.js';
import type { Requirement } from '../journal/journal.js';
import type { Dependent, Ending } from '../nodes/dependents.js';
import type { PlayerRow } from './rows.js';
import {
  bytesOf,
  contested,
  type PlayerWrite,
  type PlayerWriter,
  transactionOf,
  WRITE_BYTES,
} from './writer.js';

/** Players who are ended at once where they do not fit into their node's own transaction. */
const PAGE = 64;
/** How often somebody else may be faster with a player of a page. */
const ATTEMPTS = 16;

/** The players of a proxy end with it. */
export function playersOfNodes(writer: PlayerWriter): Dependent {
  const { rows } = writer;
  return {
    async end(node, fence, room) {
      for (;;) {
        const last = await lastOf(writer, node, fence, room);
        if (last) return last;
        // A stale owner's own transaction will be refused as this page was.
        const ids = rows.ownedBy.get(node);
        if (!(await endPages(writer, ids, fence, ({ proxy }) => proxy === node))) return nothing;
      }
    },
    sweep: (node) => endOrphansOf(writer, node),
  };
}

const nothing: Ending = { require: [], entries: [] };

/** What ends all players of a proxy in one transaction with it; undefined if they are too many. */
async function lastOf(
  writer: PlayerWriter,
  node: string,
  fence: Requirement,
  room: number,
): Promise<Ending | undefined> {
  const ids = writer.rows.ownedBy.get(node);
  if (ids.size > room) return undefined;
  const turn = new FairTurn(writer.clock);
  const writes: PlayerWrite[] = [];
  let bytes = 0;
  for (const id of ids) {
    const ends = turn.work(() => endsNow(writer, [id], ({ proxy }) => proxy === node));
    writes.push(...ends);
    for (const end of ends) bytes += bytesOf(end);
    if (writes.length > room || bytes > WRITE_BYTES) return undefined;
    await turn.over();
  }
  return transactionOf(writes, fence);
}

/** Ends players whom nobody holds: a coordinator was lost before it had ended them. */
export async function endOrphans(writer: PlayerWriter): Promise<void> {
  const all = function* (): Generator<string> {
    for (const [id] of writer.rows.entries()) yield id;
  };
  await endPages(writer, all(), undefined, isOrphan(writer));
}

/** Ends whom a process still got while its node ended, unless a newer owner comes to hold them. */
async function endOrphansOf(writer: PlayerWriter, node: string): Promise<void> {
  const { rows, nodes } = writer;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const fence = nodes.fence(node, nodes.owners.get(node)?.sequence ?? 0);
    if (await endPages(writer, rows.ownedBy.get(node), fence, isOrphan(writer))) return;
  }
}

/** Which players are to end, as their rows are in the moment in which the end is written. */
type IsOver = (row: PlayerRow) => boolean;

function isOrphan(writer: PlayerWriter): IsOver {
  return (row) => !writer.hasOwner(row);
}

/**
 * Ends players page by page, and lets everybody else have a turn after each: one pass over them, however
 * many they are. They may come and go meanwhile. False: the fence is stale.
 */
async function endPages(
  writer: PlayerWriter,
  ids: Iterable<string>,
  fence: Requirement | undefined,
  isOver: IsOver,
): Promise<boolean> {
  let page: string[] = [];
  for (const id of ids) {
    const row = writer.rows.get(id);
    if (!row || !isOver(row) || page.push(id) < PAGE) continue;
    if (!(await endPage(writer, page, fence, isOver))) return false;
    page = [];
    await othersTurn();
  }
  return endPage(writer, page, fence, isOver);
}

async function endPage(
  writer: PlayerWriter,
  ids: readonly string[],
  fence: Requirement | undefined,
  isOver: IsOver,
): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const written = await writer.commit(fence, endsNow(writer, ids, isOver));
    // Changed: somebody else wrote one of them meanwhile, and another proxy may hold them now.
    if (written !== 'changed') return written === 'stored';
  }
  throw contested();
}

function endsNow(writer: PlayerWriter, ids: Iterable<string>, isOver: IsOver): PlayerWrite[] {
  const { rows } = writer;
  return [...ids].flatMap((id) => {
    const row = rows.get(id);
    if (!row || !isOver(row)) return [];
    return [writer.end(id, row, PlayerLeaveReason.PROXY_LOST)];
  });
}
