/** `kelpie players`: who is online. */
import { Event } from '../../gen/ts/kelpie/v1/event.js';
import { NodeRole, type NodeState } from '../../gen/ts/kelpie/v1/node.js';
import { Player } from '../../gen/ts/kelpie/v1/player.js';
import { CountPlayersResponse } from '../../gen/ts/kelpie/v1/player_service.js';
import type { Snapshot } from '../../gen/ts/kelpie/v1/stream.js';
import type { Api } from './input/calls.js';
import { after, follow, showGap, type WatchFrame } from './input/follow.js';
import {
  counted,
  nameOf,
  print,
  printJson,
  shownTime,
  table,
  UsageError,
} from './output/output.js';
import { inWords } from './output/words.js';

/** Where players are; what is not said is anywhere. */
export interface PlayerFilter {
  readonly proxy?: string;
  readonly server?: string;
  /** Of the server. */
  readonly label: Readonly<Record<string, string>>;
  /** How their names begin. */
  readonly name?: string;
  /** What they have. */
  readonly property?: Readonly<Record<string, string>>;
}

export interface PlayersOptions extends PlayerFilter {
  readonly json: boolean;
  /** Go on with what changes. */
  readonly watch: boolean;
  /** How many there are instead of who. */
  readonly count: boolean;
  /** Of the nodes to count on. */
  readonly role: readonly NodeRole[];
  readonly state: readonly NodeState[];
}

/** As many as fit into one message of gRPC, whatever is known of them. */
export const PAGE = 100;

/** Lists the players who match, or counts; with `watch`, follows them until the process ends. */
export async function players(api: Api, options: PlayersOptions): Promise<void> {
  checkOptions(options);
  if (options.count) return count(api, options);
  const cursor = await list(api, options);
  if (!options.watch) return;
  // From the list's own position, so nothing is missed between the two.
  await follow(api, ['players.*'], after(cursor), (frame) => showChange(frame, options));
}

/** Page by page: a network can have more players than fit into one answer. */
export async function* playerPages(api: Api, filter: PlayerFilter) {
  const { proxy = '', server = '', label, name: namePrefix = '', property = {} } = filter;
  const wanted = { proxy, server, serverLabels: label, namePrefix, properties: property };
  let pageToken = '';
  do {
    const page = await api.players.listPlayers({ pageSize: PAGE, pageToken, ...wanted });
    yield page;
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
}

/** Nobody is there: throws NODE_NOT_FOUND if that is because no such node is. */
export async function refuseUnknownPlace(api: Api, { proxy, server }: PlayerFilter): Promise<void> {
  for (const name of [proxy, server]) if (name !== undefined) await api.nodes.getNode({ name });
}

function checkOptions(options: PlayersOptions): void {
  const { count, watch, label, role, state } = options;
  if (count) checkCount(options);
  else if (role.length + state.length > 0) {
    throw new UsageError('--role and --state choose nodes to count on; they go with --count');
  }
  if (watch && isNarrowed(options)) {
    throw new UsageError('--watch cannot follow --name and --property, which change');
  }
  if (watch && Object.keys(label).length > 0) {
    throw new UsageError('--watch cannot follow labels, which change; name one with --server');
  }
}

function checkCount({ watch, proxy, server, name }: PlayersOptions): void {
  if (!watch && [proxy, server, name].every((one) => one === undefined)) return;
  const others = '--role, --state, --label and --property';
  throw new UsageError(`--count goes with ${others} alone; it lists each node`);
}

/** To those who are named so, or have something. */
function isNarrowed({ name, property = {} }: PlayerFilter): boolean {
  return name !== undefined || Object.keys(property).length > 0;
}

async function list(api: Api, options: PlayersOptions) {
  const rows: string[][] = [];
  let listed = 0;
  let cursor;
  for await (const page of playerPages(api, options)) {
    cursor = page.cursor;
    if (options.json) for (const player of page.players) printJson(Player.toJSON(player));
    else rows.push(...page.players.map(row));
    listed += page.players.length;
  }
  if (listed === 0 && !isNarrowed(options)) await refuseUnknownPlace(api, options);
  if (!options.json) show(rows);
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
  const { json, role, state, label, property = {} } = options;
  const selector = { roles: [...role], states: [...state], labels: label };
  const answer = await api.players.countPlayers({ nodes: selector, properties: property });
  if (json) {
    printJson(CountPlayersResponse.toJSON(answer));
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
  const { json } = options;
  if (frame.$case === 'gap') showGap(frame.value, json);
  if (frame.$case === 'snapshot') showPart(frame.value, options);
  if (frame.$case !== 'eventBatch') return;
  for (const event of frame.value.events.filter((one) => concerns(one, options))) {
    if (json) printJson(Event.toJSON(event));
    else print(`${event.time?.toISOString().slice(11, 19) ?? '-'}  ${inWords(event)}`);
  }
}

/** Who is there after a gap. */
function showPart({ rows }: Snapshot, options: PlayersOptions): void {
  const found = rows
    .flatMap(({ resource }) => (resource?.$case === 'player' ? resource.value : []))
    .filter((player) => isThere(player, player.server, options));
  if (options.json) for (const player of found) printJson(Player.toJSON(player));
  else if (found.length > 0) show(found.map(row));
}

/** Also who goes from there to another server. */
function concerns({ body }: Event, filter: PlayerFilter): boolean {
  const player = body && 'player' in body.value ? body.value.player : undefined;
  if (!player) return false;
  const from = body?.$case === 'playerMoved' ? body.value.fromServer : player.server;
  return isThere(player, player.server, filter) || isThere(player, from, filter);
}

function isThere({ proxy }: Player, server: string, filter: PlayerFilter): boolean {
  const onProxy = filter.proxy === undefined || filter.proxy.toLowerCase() === proxy;
  return onProxy && (filter.server === undefined || filter.server.toLowerCase() === server);
}
