/** Ends the reservations whose node or owner is gone. */
import type { ReservationRow } from '../../gen/ts/kelpie/storage/v1/transfer_rows.js';
import { sameBytes } from '../core/cursor.js';
import { othersTurn } from '../core/fair-turn.js';
import type { Dependent, Ending } from '../nodes/dependents.js';
import type { NodeRows } from '../nodes/rows.js';
import type { Reservations } from './reservations.js';

/** Reservations in one page. */
const PAGE = 64;

const nothing: Ending = { require: [], entries: [] };

/**
 * Ends reservations after the node has left. Until then they count, high and never low; after that no new one can
 * come, because a hold requires the rows of the node and of its owner.
 */
export function reservationsOfNodes(reservations: Reservations, nodes: NodeRows): Dependent {
  const { onNode, ofOwner } = reservations.rows;
  return {
    end: () => Promise.resolve(nothing),
    async sweep(node) {
      await endOrphansAmong(reservations, nodes, onNode.get(node));
      await endOrphansAmong(reservations, nodes, ofOwner.get(node));
    },
  };
}

/** Ends reservations without a node or an owner. They remain when a coordinator dies before it has ended them. */
export async function endOrphanReservations(
  reservations: Reservations,
  nodes: NodeRows,
): Promise<void> {
  await endOrphansAmong(reservations, nodes, reservations.rows.table.names.after(''));
}

/** Ends reservations page by page, and lets other work run after each page. */
async function endOrphansAmong(
  reservations: Reservations,
  nodes: NodeRows,
  ids: Iterable<string>,
): Promise<void> {
  const { table } = reservations.rows;
  let page: Promise<void>[] = [];
  for (const id of ids) {
    const row = table.get(id)?.value;
    if (!row || !isOrphan(nodes, row)) continue;
    const ended = reservations.end(id, row, (now) => isOrphan(nodes, now));
    if (page.push(ended) < PAGE) continue;
    await Promise.all(page);
    page = [];
    await othersTurn();
  }
  await Promise.all(page);
}

/** Whether the process of the node or of the owner is gone. */
function isOrphan({ owners }: NodeRows, row: ReservationRow): boolean {
  const isGone = (name: string, instance: Uint8Array): boolean => {
    const owner = owners.get(name)?.value;
    return !owner || !sameBytes(owner.instanceId, instance);
  };
  const { node, nodeInstanceId, owner, ownerInstanceId } = row;
  return isGone(node, nodeInstanceId) || (owner !== '' && isGone(owner, ownerInstanceId));
}
