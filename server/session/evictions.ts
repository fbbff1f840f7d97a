/** A proxy hears when one of its players was given to another proxy, or when a login took too long. */
import { PlayerLeaveReason } from '../../gen/ts/kelpie/v1/player.js';
import type { Frame } from '../delivery/frames.js';
import { evictions } from '../players/evictions.js';
import type { PlayerRows } from '../players/rows.js';
import type { Network } from '../network/network.js';
import type { SessionRegistry } from './registry.js';

/** Follows the network: one rule, whoever ended the player's row. */
export function sendEvictions(
  network: Pick<Network, 'onEntries'>,
  rows: PlayerRows,
  registry: SessionRegistry,
): void {
  network.onEntries((entries) => {
    for (const { player, reason } of evictions(rows, entries)) {
      registry.send(player.proxy, evictionOf(player.id, player.generation, reason));
    }
  });
}

function evictionOf(playerId: string, generation: number, reason: PlayerLeaveReason): Frame {
  const text =
    reason === PlayerLeaveReason.LAPSED
      ? 'Your login took too long.'
      : 'You logged in from another place.';
  return { $case: 'playerEvicted', value: { playerId, generation, reason, text } };
}
