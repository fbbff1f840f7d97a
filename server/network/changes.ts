/** Nodes and players that left, read from the entries that say so. */
import { Event, NodeLeaveReason } from '../../gen/ts/kelpie/v1/event.js';
import { type Player, PlayerLeaveReason } from '../../gen/ts/kelpie/v1/player.js';
import type { Entry } from '../journal/journal.js';
import type { NodeRows } from '../nodes/rows.js';
import type { PlayerRows } from '../players/rows.js';

const EVICTED: readonly PlayerLeaveReason[] = [
  PlayerLeaveReason.REPLACED,
  PlayerLeaveReason.LAPSED,
];

/** Why a node left, as in the contract. */
export type LeaveReasonName = keyof typeof NodeLeaveReason;

/** All that there are among the entries. Entries that write no row cost nothing but a look. */
export function* departures(
  tables: NodeRows,
  entries: readonly Entry[],
): Generator<{ name: string; reason: LeaveReasonName }> {
  for (const { key, value, event } of entries) {
    if (key === undefined || value !== null || !key.startsWith(tables.nodes.keyOf(''))) continue;
    const { body } = Event.decode(event);
    if (body?.$case !== 'nodeLeft') continue;
    yield { name: key.slice(tables.nodes.keyOf('').length), reason: nameOf(body.value.reason) };
  }
}

/** The nodes whose owners the entries write: somebody claims one, or it leaves. */
export function* ownersWritten({ owners }: NodeRows, entries: readonly Entry[]): Generator<string> {
  const prefix = owners.keyOf('');
  for (const { key } of entries) if (key?.startsWith(prefix)) yield key.slice(prefix.length);
}

/** Players who were taken from their proxy by somebody else, or whose login lapsed. */
export function* evictions(
  players: PlayerRows,
  entries: readonly Entry[],
): Generator<{ player: Player; reason: PlayerLeaveReason }> {
  for (const { key, value, event } of entries) {
    if (value !== null || !key?.startsWith(players.keyOf(''))) continue;
    const { body } = Event.decode(event);
    if (body?.$case !== 'playerLeft') continue;
    const { player, reason } = body.value;
    if (player && EVICTED.includes(reason)) yield { player, reason };
  }
}

function nameOf(reason: NodeLeaveReason): LeaveReasonName {
  const names = Object.keys(NodeLeaveReason) as LeaveReasonName[];
  return names.find((name) => NodeLeaveReason[name] === reason) ?? 'UNSPECIFIED';
}
