/** Evictions: the coordinator took a player from their proxy, because another proxy got them or their login lapsed. */
import { Event } from '../../gen/ts/kelpie/v1/event.js';
import { type Player, PlayerLeaveReason } from '../../gen/ts/kelpie/v1/player.js';
import type { Entry } from '../journal/journal.js';
import type { PlayerRows } from './rows.js';

const EVICTED: readonly PlayerLeaveReason[] = [
  PlayerLeaveReason.REPLACED,
  PlayerLeaveReason.LAPSED,
];

/** The evictions among the entries. This decodes only entries that delete the row of a player. */
export function* evictions(
  rows: PlayerRows,
  entries: readonly Entry[],
): Generator<{ player: Player; reason: PlayerLeaveReason }> {
  for (const { key, value, event } of entries) {
    if (value !== null || rows.idIn(key) === undefined) continue;
    const { body } = Event.decode(event);
    if (body?.$case !== 'playerLeft') continue;
    const { player, reason } = body.value;
    if (player && EVICTED.includes(reason)) yield { player, reason };
  }
}
