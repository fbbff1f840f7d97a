/** Ends the presences of players whose proxy cannot end them itself. */
import { PlayerLeaveReason } from '../../gen/ts/kelpie/v1/player.js';
import { FairTurn, inTurns, othersTurn } from '../core/fair-turn.js';
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

/** Players in one page, where they do not fit into the transaction that ends their proxy. */
const PAGE = 64;
/** How often another writer may change a player of a page first. */
const ATTEMPTS = 16;

/** Ends the players of a proxy with the proxy. */
export function playersOfNodes(writer: PlayerWriter): Dependent {
  const { rows } = writer;
  return {
    async end(node, fence, room) {
      for (;;) {
        const last = await lastOf(writer, node, fence, room);
        if (last) return last;
        // The fence is stale: the transaction that ends the node will fail for the same reason.
        const ids = rows.ownedBy.get(node);
        if (!(await endPages(writer, ids, fence, ({ proxy }) => proxy === node))) return nothing;
      }
    },
    sweep: (node) => endOrphansOf(writer, node),
  };
}

const nothing: Ending = { require: [], entries: [] };

/** The entries that end all players of a proxy in the proxy's own transaction; undefined if they do not fit. */
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

/** Ends players without an owner. They remain when a coordinator dies before it has ended them. */
export async function endOrphans(writer: PlayerWriter): Promise<void> {
  const all = function* (): Generator<string> {
    for (const [id] of writer.rows.entries()) yield id;
  };
  await endPages(writer, all(), undefined, isOrphan(writer));
}

/** Ends the players whom a process still acquired while its node ended, unless a newer owner holds them. */
async function endOrphansOf(writer: PlayerWriter, node: string): Promise<void> {
  const { rows, nodes } = writer;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const fence = nodes.fence(node, nodes.owners.get(node)?.sequence ?? 0);
    if (await endPages(writer, rows.ownedBy.get(node), fence, isOrphan(writer))) return;
  }
}

/** Whether a player must end. Checked against the row at the moment of the write. */
type IsOver = (row: PlayerRow) => boolean;

function isOrphan(writer: PlayerWriter): IsOver {
  return (row) => !writer.hasOwner(row);
}

/**
 * Ends players page by page, in one pass, and lets other work run after each page. Players may join and leave
 * meanwhile. False: the fence is stale.
 */
async function endPages(
  writer: PlayerWriter,
  ids: Iterable<string>,
  fence: Requirement | undefined,
  isOver: IsOver,
): Promise<boolean> {
  let page: string[] = [];
  for await (const id of inTurns(ids)) {
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
    // Changed: another writer changed one of these players, and another proxy may hold them now.
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
