/** Players who were taken from their proxy: another proxy got them, or their login lapsed. */
import { Event } from '../../gen/ts/kelpie/v1/event.js';
import { type Player, PlayerLeaveReason } from '../../gen/ts/kelpie/v1/player.js';
import type { Entry } from '../journal/journal.js';
import type { PlayerRows } from './rows.js';

const EVICTED: readonly PlayerLeaveReason[] = [
  PlayerLeaveReason.REPLACED,
  PlayerLeaveReason.LAPSED,
];

/** All that there are among the entries. Entries that write no row of a player are not decoded. */
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
