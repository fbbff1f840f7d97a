/** `kelpie find`: one player who is online, with all that is known of him. */
import { Player, type PlayerLookup } from '../../gen/ts/kelpie/v1/player.js';
import type { Api } from '../api.js';
import { KelpieError } from '../errors.js';
import { factsOfPlayer } from './facts.js';
import { print, printJson, shownTime, table, UsageError } from './output.js';

const XUID = /^\d{1,20}$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export async function find(api: Api, words: string[], { json }: { json: boolean }): Promise<void> {
  const player = await requirePlayer(api, words.join(' '));
  if (json) printJson(Player.toJSON(player));
  else print(table(['name', player.name], rowsOf(player)));
}

/** The player who is meant. Throws PLAYER_NOT_FOUND. */
export async function requirePlayer(api: Api, who: string): Promise<Player> {
  const player = await findPlayer(api, who);
  if (player) return player;
  const message = `no player "${who}" is online; a name with spaces in it goes in quotes, and kelpie history tells who was`;
  throw new KelpieError('PLAYER_NOT_FOUND', message);
}

/** The player who is meant, if he is online: by what it looks like first, else by his name. */
export async function findPlayer(api: Api, who: string): Promise<Player | undefined> {
  if (who.trim() === '') throw new UsageError('say which player: his id, XUID, UUID or name');
  const { players } = await api.players.batchGetPlayers({ players: lookupsOf(who) });
  return players[0];
}

/** Whether a player can have this as his id. */
export function looksLikeId(who: string): boolean {
  return XUID.test(who) || UUID.test(who);
}

/** In the order of preference, which the answer keeps. */
function lookupsOf(who: string): PlayerLookup[] {
  const byName: PlayerLookup = { by: { $case: 'name', value: who } };
  if (XUID.test(who)) return [{ by: { $case: 'id', value: who } }, byName];
  if (UUID.test(who)) return [{ by: { $case: 'uuid', value: who } }, byName];
  return [byName];
}

function rowsOf(player: Player): string[][] {
  const { id, xuid, uuid, proxy, server, generation, joinTime, latencyMs } = player;
  const fixed = [
    ['id', id],
    ['XUID', xuid],
    ['UUID', uuid],
    ['proxy', proxy],
    ['server', server],
    ['joined', shownTime(joinTime)],
    ['generation', String(generation)],
    ['ping', latencyMs === 0 ? '' : `${latencyMs} ms`],
  ];
  return [...fixed, ...factsOfPlayer(player)].map(([name = '', value = '']) => [
    name,
    value || '-',
  ]);
}
