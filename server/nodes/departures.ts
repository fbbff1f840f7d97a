/** What entries say about who owns a node: somebody claimed it, or it left. */
import { Event, NodeLeaveReason } from '../../gen/ts/kelpie/v1/event.js';
import type { Entry } from '../journal/journal.js';
import type { NodeRows } from './rows.js';

/** Why a node left, as in the contract. */
export type LeaveReasonName = keyof typeof NodeLeaveReason;

/** The nodes that left by these entries. Entries that write no row of a node are not decoded. */
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

/** The nodes whose owners the entries write: a session claims one, or it leaves. */
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
