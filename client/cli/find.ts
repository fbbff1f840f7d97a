/** `kelpie find`: one player who is online, with all that is known of them. */
import { Player, type PlayerLookup } from '../../gen/ts/kelpie/v1/player.js';
import type { Api } from './input/calls.js';
import { fromThrown, KelpieError } from '../errors.js';
import { factsOfPlayer } from './history/facts.js';
import { print, printJson, shownTime, table, UsageError } from './output/output.js';
import { showPlayers } from './players.js';

/** The longest name that a player has. */
const NAME_BYTES = 128;
const XUID = /^\d{1,20}$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The player who is meant; where there is none, all whose names begin so. */
export async function find(api: Api, words: string[], { json }: { json: boolean }): Promise<void> {
  const who = words.join(' ');
  const player = await oneOf(api, who);
  if (player && !json) print(table(['name', player.name], rowsOf(player)));
  const found = player ? [player] : await beginning(api, who, json);
  if (json) for (const one of found) printJson(Player.toJSON(one));
  if (found.length === 0) throw notFound(who);
}

/** Undefined if there are several, too. */
async function oneOf(api: Api, who: string): Promise<Player | undefined> {
  try {
    return await findPlayer(api, who);
  } catch (error) {
    if (fromThrown(error).reason === 'PLAYER_AMBIGUOUS') return undefined;
    throw error;
  }
}

async function beginning(api: Api, who: string, json: boolean): Promise<Player[]> {
  if (Buffer.byteLength(who) > NAME_BYTES) return [];
  const { players, nextPageToken } = await api.players.listPlayers({
    namePrefix: who,
    includeContext: true,
  });
  if (json || players.length === 0) return players;
  showPlayers(players);
  if (nextPageToken !== '')
    print(['', `There are more: kelpie players --name '${who}' lists all.`]);
  return players;
}

/** The player who is meant. Throws PLAYER_NOT_FOUND or PLAYER_AMBIGUOUS. */
export async function requirePlayer(api: Api, who: string): Promise<Player> {
  const player = await findPlayer(api, who);
  if (player) return player;
  throw notFound(who);
}

function notFound(who: string): KelpieError {
  const message = `no player "${who}" is online; a name with spaces in it goes in quotes, and kelpie history tells who was`;
  return new KelpieError('PLAYER_NOT_FOUND', message);
}

/**
 * The player who is meant, if they are online: by what it looks like first, else by their name. Throws
 * PLAYER_AMBIGUOUS.
 */
export async function findPlayer(api: Api, who: string): Promise<Player | undefined> {
  if (who.trim() === '') throw new UsageError('say which player: an id, XUID, UUID or name');
  const { players, ambiguous } = await api.players.batchGetPlayers({
    players: lookupsOf(who),
    includeContext: true,
  });
  const [player] = players;
  const [several] = ambiguous;
  // Asked for alone it fails, with their names.
  if (!player && several) await api.players.getPlayer({ player: several.lookup });
  return player;
}

/** Whether a player can have this as their id. */
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
  const { id, xuid, uuid, proxy, server, serverUnregistered, generation, joinTime, latencyMs } =
    player;
  const fixed = [
    ['id', id],
    ['XUID', xuid],
    ['UUID', uuid],
    ['proxy', proxy],
    ['server', serverUnregistered ? `${server} (no node)` : server],
    ['joined', shownTime(joinTime)],
    ['generation', String(generation)],
    ['ping', latencyMs === undefined ? '' : `${latencyMs} ms`],
  ];
  return [...fixed, ...factsOfPlayer(player)].map(([name = '', value = '']) => [
    name,
    value || '-',
  ]);
}
