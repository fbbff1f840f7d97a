/** What a proxy gets when one of its players was given to another proxy, or when a login took too long. */
import { PlayerLeaveReason } from '../../gen/ts/kelpie/v1/player.js';
import type { Frame } from '../delivery/frames.js';

export function evictionOf(playerId: string, generation: number, reason: PlayerLeaveReason): Frame {
  const text =
    reason === PlayerLeaveReason.LAPSED
      ? 'Your login took too long.'
      : 'You logged in from another place.';
  return { $case: 'playerEvicted', value: { playerId, generation, reason, text } };
}
