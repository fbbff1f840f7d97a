/** The answers to logins that the coordinator denies. */
import type { Player } from '../../gen/ts/kelpie/v1/player.js';
import { type PlayerAcquired, PlayerDenialReason } from '../../gen/ts/kelpie/v1/presence.js';
import { idOf } from '../players/player.js';

export function onlineDenial(player: Player, proxy: string): PlayerAcquired {
  const text = `${player.name} is already on this network.`;
  return denialOf(player, text, proxy, PlayerDenialReason.ONLINE);
}

export function maintenanceDenial(player: Player, text: string): PlayerAcquired {
  return denialOf(player, text, '', PlayerDenialReason.MAINTENANCE);
}

function denialOf(
  player: Player,
  text: string,
  proxy: string,
  reason: PlayerDenialReason,
): PlayerAcquired {
  const outcome = { $case: 'denial', value: { text, proxy, reason } } as const;
  return { playerId: idOf(player), outcome, ticket: undefined };
}
