/** `kelpie players`: the players who are online. */
import type { Command } from 'commander';
import { Event } from '../../gen/ts/kelpie/v1/event.js';
import { NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import { Player } from '../../gen/ts/kelpie/v1/player.js';
import { CountPlayersResponse } from '../../gen/ts/kelpie/v1/player_service.js';
import type { Snapshot } from '../../gen/ts/kelpie/v1/stream.js';
import type { Api } from '../api/index.js';
import { command, type Common, selecting, askAny } from './command.js';
import { name, pair } from './input/arguments.js';
import { after, follow, showGap, type WatchFrame } from './input/follow.js';
import { type Selection, selectorOf } from './input/issue.js';
import { type PlayerOptions, playerPages, refuseUnknownPlace } from './input/player-place.js';
import { counted, nameOf, print, shownTime, table, UsageError } from './output/output.js';
import { printRecord } from './output/records.js';
import { inWords } from './output/words.js';

interface PlayersOptions extends Common, Selection, PlayerOptions {
  /** Go on with what changes. */
  readonly watch: boolean;
  /** How many there are instead of who. `role` and `state` choose the nodes to count on. */
  readonly count: boolean;
}

export function playersCommand(): Command {
  return selecting(command('players', 'list the players who are online'))
    .option('--proxy <proxy>', 'only on this proxy', name)
    .option('--server <server>', 'only on this server', name)
    .option('--prefix <text>', 'only players whose names begin so, in any case', name)
    .option('--property <name=value>', 'only players with this property; may be repeated', pair, {})
    .option('--count', 'print how many there are, in all and on each node', false)
    .option('--watch', 'go on with players as they come, move, change and go', false)
    .action((options: PlayersOptions) => askAny(options, (api) => players(api, options)));
}

/** Lists the players who match, or counts; with `watch`, follows them until the process ends. */
async function players(api: Api, options: PlayersOptions): Promise<void> {
  checkOptions(options);
  if (options.count) return count(api, options);
  const cursor = await list(api, options);
  if (!options.watch) return;
  // From the list's own position, so nothing is missed between the two.
  await follow(api, ['players.*'], after(cursor), (frame) => showChange(frame, options));
}

function checkOptions(options: PlayersOptions): void {
  const { count, watch, label, role, state } = options;
  if (count) checkCount(options);
  else if (role.length + state.length > 0) {
    throw new UsageError('--role and --state choose nodes to count on; they go with --count');
  }
  if (watch && isNarrowed(options)) {
    throw new UsageError('--watch cannot follow --prefix and --property, which change');
  }
  if (watch && Object.keys(label).length > 0) {
    throw new UsageError('--watch cannot follow labels, which change; name one with --server');
  }
}

function checkCount({ watch, proxy, server, prefix }: PlayersOptions): void {
  if (!watch && [proxy, server, prefix].every((one) => one === undefined)) return;
  const others = '--role, --state, --label and --property';
  throw new UsageError(`--count goes with ${others} alone; it lists each node`);
}

/** To players with some names or properties. */
function isNarrowed({ prefix, property = {} }: PlayerOptions): boolean {
  return prefix !== undefined || Object.keys(property).length > 0;
}

async function list(api: Api, options: PlayersOptions) {
  const { output } = options;
  const rows: string[][] = [];
  let listed = 0;
  let cursor;
  for await (const page of playerPages(api, options)) {
    cursor = page.cursor;
    if (output === 'table') rows.push(...page.players.map(row));
    else for (const player of page.players) printRecord(output, 'Player', Player.toJSON(player));
    listed += page.players.length;
  }
  if (listed === 0 && !isNarrowed(options)) await refuseUnknownPlace(api, options);
  if (output === 'table') show(rows);
  return cursor;
}

/** A table of players. */
export function showPlayers(players: readonly Player[]): void {
  show(players.map(row));
}

function show(rows: readonly string[][]): void {
  const head = ['NAME', 'ID', 'PROXY', 'SERVER', 'DEVICE', 'PING', 'JOINED'];
  print(rows.length === 0 ? 'No player is there.' : table(head, rows));
}

function row({ name, id, proxy, server, device, latencyMs, joinTime }: Player): string[] {
  return [
    name,
    id,
    proxy,
    server || '-',
    [device?.os, device?.input].filter(Boolean).join(', ') || '-',
    latencyMs === undefined ? '-' : `${latencyMs} ms`,
    shownTime(joinTime),
  ];
}

async function count(api: Api, options: PlayersOptions): Promise<void> {
  const { output, role, state, label, property = {} } = options;
  const answer = await api.messages.players.count({
    nodes: selectorOf(options),
    properties: property,
  });
  if (output !== 'table') {
    printRecord(output, 'CountPlayersResponse', CountPlayersResponse.toJSON(answer));
    return;
  }
  const { network, selected, nodes } = answer;
  const all = role.length + state.length + Object.keys(label).length === 0;
  const who = counted(network, Object.keys(property).length > 0 ? 'such player' : 'player');
  print(`${who} in the network${all ? '' : `, ${selected} on these nodes`}`);
  if (nodes.length === 0) return;
  const rows = nodes.map((node) => [node.name, nameOf(NodeRole, node.role), String(node.players)]);
  print(['', ...table(['NODE', 'ROLE', 'PLAYERS'], rows)]);
}

function showChange(frame: WatchFrame, options: PlayersOptions): void {
  const { output } = options;
  if (frame.$case === 'gap') showGap(frame.value, output);
  if (frame.$case === 'snapshot') showPart(frame.value, options);
  if (frame.$case !== 'eventBatch') return;
  for (const event of frame.value.events.filter((one) => concerns(one, options))) {
    if (output !== 'table') printRecord(output, 'Event', Event.toJSON(event));
    else print(`${event.time?.toISOString().slice(11, 19) ?? '-'}  ${inWords(event)}`);
  }
}

/** The players after a gap. */
function showPart({ rows }: Snapshot, options: PlayersOptions): void {
  const { output } = options;
  const found = rows
    .flatMap(({ resource }) => (resource?.$case === 'player' ? resource.value : []))
    .filter((player) => isThere(player, player.server, options));
  if (output === 'table') {
    if (found.length > 0) show(found.map(row));
  } else for (const player of found) printRecord(output, 'Player', Player.toJSON(player));
}

/** Also of a player who goes from there to another server. */
function concerns({ body }: Event, filter: PlayerOptions): boolean {
  const player = body && 'player' in body.value ? body.value.player : undefined;
  if (!player) return false;
  const from = body?.$case === 'playerMoved' ? body.value.fromServer : player.server;
  return isThere(player, player.server, filter) || isThere(player, from, filter);
}

function isThere({ proxy }: Player, server: string, filter: PlayerOptions): boolean {
  const onProxy = filter.proxy === undefined || filter.proxy.toLowerCase() === proxy;
  return onProxy && (filter.server === undefined || filter.server.toLowerCase() === server);
}
