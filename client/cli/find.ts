/** `kelpie find`: one player who is online, with all that the network has of them; or all who match. */
import type { Command } from 'commander';
import { Player } from '../../gen/ts/kelpie/v1/player.js';
import type { Api } from '../api/index.js';
import { fromThrown, KelpieError } from '../errors.js';
import { command, type Common, askAny } from './command.js';
import { factsOfPlayer } from './history/facts.js';
import { name, pair } from './input/arguments.js';
import { findPlayer, notFound } from './input/player.js';
import { playerPages } from './input/player-place.js';
import { print, shownTime, table, UsageError } from './output/output.js';
import { type Format, printRecord } from './output/records.js';
import { showPlayers } from './players.js';

interface FindOptions extends Common {
  readonly prefix?: string;
  readonly property: Readonly<Record<string, string>>;
}

/** The longest name that a player has. */
const NAME_BYTES = 128;

export function findCommand(): Command {
  return command(
    'find [who...]',
    'show a player who is online, by id, XUID, UUID or name, or all who match',
  )
    .option('--prefix <text>', 'all players whose names begin so, in any case', name)
    .option('--property <name=value>', 'all players with this property; may be repeated', pair, {})
    .addHelpText('after', '\nIf no player has just the name, it shows all whose names begin so.')
    .action((who: string[], options: FindOptions) =>
      askAny(options, (api) => find(api, who, options)),
    );
}

async function find(api: Api, words: string[], options: FindOptions): Promise<void> {
  const { prefix, property } = options;
  const matching = prefix !== undefined || Object.keys(property).length > 0;
  if (matching && words.length > 0) {
    throw new UsageError(`it is either the player "${words.join(' ')}" or --prefix and --property`);
  }
  if (matching) return findMatching(api, options);
  return findOne(api, words.join(' '), options.output);
}

async function findMatching(api: Api, { prefix, property, output }: FindOptions): Promise<void> {
  const filter = { property, ...(prefix !== undefined && { prefix }) };
  const found: Player[] = [];
  for await (const { players } of playerPages(api, { ...filter, includeContext: true }))
    found.push(...players);
  if (found.length === 0) throw new KelpieError('PLAYER_NOT_FOUND', 'no such player is online');
  showAll(found, output);
}

/** The player who is meant; where there is none, all whose names begin so. */
async function findOne(api: Api, who: string, output: Format): Promise<void> {
  const player = await unambiguous(api, who);
  if (player) {
    if (output === 'table') print(table(['name', player.name], rowsOf(player)));
    else showAll([player], output);
    return;
  }
  const { players, nextPageToken } = await beginning(api, who);
  if (players.length === 0) throw notFound(who);
  showAll(players, output);
  if (output !== 'table' || nextPageToken === '') return;
  print(['', `There are more: kelpie players --prefix '${who}' lists all.`]);
}

function showAll(players: readonly Player[], output: Format): void {
  if (output === 'table') showPlayers(players);
  else for (const one of players) printRecord(output, 'Player', Player.toJSON(one));
}

/** Undefined if several players fit, too. */
async function unambiguous(api: Api, who: string): Promise<Player | undefined> {
  try {
    return await findPlayer(api, who);
  } catch (error) {
    if (fromThrown(error).reason === 'PLAYER_AMBIGUOUS') return undefined;
    throw error;
  }
}

async function beginning(api: Api, who: string) {
  if (Buffer.byteLength(who) > NAME_BYTES) return { players: [], nextPageToken: '' };
  return api.players.list({ namePrefix: who, includeContext: true });
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
