/** Readers of nodes get the reserved slots of a node beside its load. */
import type { Loads } from '../nodes/loads.js';
import type { NodeRows } from '../nodes/rows.js';
import type { ReservationRows } from './reservation-rows.js';

/**
 * Reports the reserved slots of all nodes now, since readers may have another number from a former coordinator, and
 * whenever they change.
 */
export function reportReservedSlots(
  rows: ReservationRows,
  { nodes }: NodeRows,
  loads: Pick<Loads, 'reserve' | 'leave'>,
): void {
  const report = (node: string): void => {
    if (nodes.get(node)) loads.reserve(node, rows.slotsOn(node));
  };
  for (const [name] of nodes.entries()) report(name);
  rows.table.watch((_, before, after) => {
    const node = (after ?? before)?.value.node;
    if (node !== undefined) report(node);
  });
  nodes.watch((name, _, after) => {
    if (!after) loads.leave(name);
  });
}
