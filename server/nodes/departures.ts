/** Finds claims and departures of nodes among entries. */
import { Event, NodeLeaveReason } from '../../gen/ts/kelpie/v1/event.js';
import type { Entry } from '../journal/journal.js';
import type { NodeRows } from './rows.js';

/** The contract's names of the reasons why a node leaves. */
export type LeaveReasonName = keyof typeof NodeLeaveReason;

/** The nodes that left in these entries. This decodes only entries that delete the row of a node. */
export function* departures(
  { nodes }: NodeRows,
  entries: readonly Entry[],
): Generator<{ name: string; reason: LeaveReasonName }> {
  for (const { key, value, event } of entries) {
    const name = nodes.nameIn(key);
    if (name === undefined || value !== null) continue;
    const { body } = Event.decode(event);
    if (body?.$case === 'nodeLeft') yield { name, reason: reasonName(body.value.reason) };
  }
}

/** The nodes whose owner changes in these entries: a session claims the node, or the node leaves. */
export function* ownersWritten({ owners }: NodeRows, entries: readonly Entry[]): Generator<string> {
  for (const { key } of entries) {
    const name = owners.nameIn(key);
    if (name !== undefined) yield name;
  }
}

function reasonName(reason: NodeLeaveReason): LeaveReasonName {
  const names = Object.keys(NodeLeaveReason) as LeaveReasonName[];
  return names.find((name) => NodeLeaveReason[name] === reason) ?? 'UNSPECIFIED';
}
