/** Finding the player whom a user means. */
import type { Player } from '../../../gen/ts/kelpie/v1/player.js';
import type { Api, PlayerLookup } from '../../api/index.js';
import { KelpieError } from '../../errors.js';
import { UsageError } from '../output/output.js';

const XUID = /^\d{1,20}$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Throws PLAYER_NOT_FOUND or PLAYER_AMBIGUOUS. */
export async function requirePlayer(api: Api, who: string): Promise<Player> {
  const player = await findPlayer(api, who);
  if (player) return player;
  throw notFound(who);
}

export function notFound(who: string): KelpieError {
  const quotes = who.includes(' ') ? '' : 'a name with spaces in it goes in quotes, and ';
  const message = `no player "${who}" is online; ${quotes}kelpie history shows players of the past`;
  return new KelpieError('PLAYER_NOT_FOUND', message);
}

/**
 * The player, if they are online. A text that looks like an id is one first, and else a name. Throws
 * PLAYER_AMBIGUOUS.
 */
export async function findPlayer(api: Api, who: string): Promise<Player | undefined> {
  if (who.trim() === '') throw new UsageError('say which player: an id, XUID, UUID or name');
  const { players, ambiguous } = await api.players.getMany(lookupsOf(who), {
    includeContext: true,
  });
  const [player] = players;
  // Only a name can fit several players. Asked for alone it fails, with their names.
  if (!player && ambiguous.length > 0) return api.players.get({ name: who });
  return player;
}

/** Whether a player can have this as their id. */
export function looksLikeId(who: string): boolean {
  return XUID.test(who) || UUID.test(who);
}

/** In the order of preference, which the answer keeps. */
function lookupsOf(who: string): PlayerLookup[] {
  if (XUID.test(who)) return [{ id: who }, { name: who }];
  if (UUID.test(who)) return [{ uuid: who }, { name: who }];
  return [{ name: who }];
}
