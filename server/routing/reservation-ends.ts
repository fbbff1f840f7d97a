/** Ends the reservations whose node or owner is gone. */
import type { ReservationRow } from '../../gen/ts/kelpie/storage/v1/transfer_rows.js';
import { sameBytes } from '../core/cursor.js';
import { inTurns, othersTurn } from '../core/fair-turn.js';
import type { Folded } from '../network/table.js';
import type { Dependent, Ending } from '../nodes/dependents.js';
import type { Holders } from '../nodes/holders.js';
import type { NodeRows } from '../nodes/rows.js';
import type { Reservations } from './reservations.js';

export interface ReservationEndParts {
  readonly reservations: Reservations;
  readonly nodeRows: NodeRows;
  readonly holders: Pick<Holders, 'isGone'>;
}

/** Reservations in one page. */
const PAGE = 64;

const nothing: Ending = { require: [], entries: [] };

/**
 * Ends reservations after the node has left. Until then they count, high and never low; after that no new one can
 * come, because a hold requires the rows of the node and of its owner.
 */
export function reservationsOfNodes(parts: ReservationEndParts): Dependent {
  const { onNode, ofOwner } = parts.reservations.rows;
  return {
    end: () => Promise.resolve(nothing),
    async sweep(node) {
      await endOrphansAmong(parts, onNode.get(node));
      await endOrphansAmong(parts, ofOwner.get(node));
    },
  };
}

/**
 * Ends reservations without a node or an owner, which remain when a coordinator dies before it has ended them, and those
 * of the transfers of a coordinator that is gone.
 */
export async function endOrphanReservations(parts: ReservationEndParts): Promise<void> {
  await endOrphansAmong(parts, parts.reservations.rows.table.names.after(''));
}

/** Ends reservations page by page, and lets other work run after each page. */
async function endOrphansAmong(parts: ReservationEndParts, ids: Iterable<string>): Promise<void> {
  const { table } = parts.reservations.rows;
  let page: Promise<void>[] = [];
  for await (const id of inTurns(ids)) {
    const row = table.get(id);
    if (!row || !isOrphan(parts, row)) continue;
    const ended = parts.reservations.end(id, row.value, (now) => {
      const present = table.get(id);
      return present?.value === now && isOrphan(parts, present);
    });
    if (page.push(ended) < PAGE) continue;
    await Promise.all(page);
    page = [];
    await othersTurn();
  }
  await Promise.all(page);
}

/** Whether the process of the node or of the owner is gone, or the coordinator of the transfer. */
function isOrphan(
  { nodeRows: { owners }, holders }: ReservationEndParts,
  { value: row, sequence }: Folded<ReservationRow>,
): boolean {
  if (row.coordinatorId !== '' && holders.isGone(row.coordinatorId, sequence)) return true;
  const isGone = (name: string, instance: Uint8Array): boolean => {
    const owner = owners.get(name)?.value;
    return !owner || !sameBytes(owner.instanceId, instance);
  };
  const { node, nodeInstanceId, owner, ownerInstanceId } = row;
  return isGone(node, nodeInstanceId) || (owner !== '' && isGone(owner, ownerInstanceId));
}
