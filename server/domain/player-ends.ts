/** How presences end that their proxies do not end themselves. */
import { PlayerLeaveReason } from '../../gen/ts/kelpie/v1/player.js';
import { sameBytes } from '../core/cursor.js';
import type { Draft, Requirement } from '../journal/journal.js';
import type { Network } from './network.js';
import type { Held } from './player-table.js';
import { commitWrites, lastWrites, type PlayerWrite, writeOf } from './player-writes.js';

/** The entry that ends a presence. */
export function endDraft(network: Network, held: Held, reason: PlayerLeaveReason): Draft {
  const time = new Date(network.options.clock.wall());
  const body = { $case: 'playerLeft', value: { player: held.player, reason } } as const;
  return network.players.draft(held, time, body, null);
}

/** Whether the process that holds the player still owns its node. */
export function isHeld(network: Network, { proxy, instance }: Held): boolean {
  const owner = network.tables.owners.get(proxy)?.value;
  return owner !== undefined && sameBytes(owner.instanceId, instance);
}

/**
 * What ends all players of a proxy whose process ends, for the transaction that ends the node. Of very
 * many, most are ended before.
 */
export function endsOf(
  network: Network,
  proxy: string,
  fence: Requirement,
): Promise<readonly PlayerWrite[]> {
  return lastWrites(network, fence, () => endsNow(network, network.players.byHolder.get(proxy)));
}

/** Ends players whom nobody holds: a coordinator was lost before it had ended them. */
export async function endOrphans(network: Network): Promise<void> {
  const rows = [...network.players.entries()];
  const orphans = rows.filter(([, { value }]) => !isHeld(network, value)).map(([id]) => id);
  await commitWrites(network, undefined, endsNow(network, orphans));
}

function endsNow(network: Network, ids: Iterable<string>): PlayerWrite[] {
  const { players } = network;
  return [...ids].flatMap((id) => {
    const held = players.get(id)?.value;
    if (!held) return [];
    return [writeOf(players, id, [endDraft(network, held, PlayerLeaveReason.PROXY_LOST)])];
  });
}
