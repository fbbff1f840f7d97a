/** Readers of nodes get the reserved slots of a node beside its load. */
import type { Loads } from '../nodes/loads.js';
import type { NodeRows } from '../nodes/rows.js';
import type { ReservationRows } from './reservation-rows.js';

/** Reports the reserved slots now and whenever they change. */
export function reportReservedSlots(
  rows: ReservationRows,
  { nodes }: NodeRows,
  loads: Pick<Loads, 'reserve' | 'leave'>,
): void {
  const report = (node: string): void => {
    if (nodes.get(node)) loads.reserve(node, rows.slotsOn(node));
  };
  for (const [, { value }] of rows.table.entries()) report(value.node);
  rows.table.watch((_, before, after) => {
    const node = (after ?? before)?.value.node;
    if (node !== undefined) report(node);
  });
  nodes.watch((name, _, after) => {
    if (!after) loads.leave(name);
  });
}
