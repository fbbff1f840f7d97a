/** The players who are online: found, listed and counted. */
import type { NodeSelector } from '../../gen/ts/kelpie/v1/command.js';
import { NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import type { Player, PlayerLookup } from '../../gen/ts/kelpie/v1/player.js';
import type { CountPlayersResponse, NodeCount } from '../../gen/ts/kelpie/v1/player_service.js';
import type { Cursor } from '../core/cursor.js';
import type { Network } from './network.js';
import { selected } from './node-list.js';
import { pageOf, type PageRequest } from './page.js';
import { lookupOf, playerNotFound } from './player-facts.js';

/** Which players to list: those who match each of these; what is empty matches any. */
export interface PlayerFilter {
  readonly proxy: string;
  readonly server: string;
  /** Of the server. */
  readonly serverLabels: Record<string, string>;
}

/** A page of players, by id. */
export interface PlayerPage {
  readonly players: Player[];
  readonly nextPageToken: string;
  readonly cursor: Cursor;
}

/** A player who is online. Throws PLAYER_NOT_FOUND or PLAYER_INVALID. */
export function findPlayer(network: Network, lookup: PlayerLookup | undefined): Player {
  const by = lookupOf(lookup);
  const found = network.players.find(by);
  if (found) return found.value.player;
  throw playerNotFound(by.value);
}

/** Lists players. Throws OUT_OF_RANGE or PAGE_TOKEN_INVALID. */
export function listPlayers(
  network: Network,
  filter: PlayerFilter,
  request: PageRequest,
): PlayerPage {
  const ids = matching(network, filter);
  const { names, ...page } = pageOf(ids, network.tail.head, request, 'players');
  return { players: names.flatMap((id) => network.players.get(id)?.value.player ?? []), ...page };
}

/** Their ids, in no order. */
function* matching(network: Network, filter: PlayerFilter): Generator<string> {
  const proxy = filter.proxy.toLowerCase();
  const { players } = network;
  for (const id of onServers(network, filter)) {
    const held = players.onlineOf(id)?.value;
    if (held && (proxy === '' || held.proxy === proxy)) yield id;
  }
}

function* onServers(network: Network, { proxy, server, serverLabels }: PlayerFilter) {
  const { players } = network;
  if (Object.keys(serverLabels).length > 0) {
    const servers = selected(network, { roles: [], states: [], labels: serverLabels });
    const wanted = servers.filter(({ name }) => server === '' || name === server.toLowerCase());
    for (const { name } of wanted) yield* players.byServer.get(name);
  } else if (server !== '') yield* players.byServer.get(server.toLowerCase());
  else if (proxy !== '') yield* players.byProxy.get(proxy.toLowerCase());
  else for (const [id] of players.entries()) yield id;
}

/** Counts players of the network, of the nodes that match together, and of each of them. */
export function countPlayers(network: Network, nodes: NodeSelector): CountPlayersResponse {
  const found = selected(network, nodes);
  const proxies = found.filter(({ role }) => role === NodeRole.PROXY);
  const servers = found.filter(({ role }) => role === NodeRole.DOWNSTREAM);
  const { players } = network;
  const counts: NodeCount[] = [
    ...proxies.map(({ name, role }) => ({ name, role, players: players.byProxy.get(name).size })),
    ...servers.map(({ name, role }) => ({ name, role, players: players.byServer.get(name).size })),
  ];
  counts.sort((left, right) => (left.name < right.name ? -1 : 1));
  const counted = new Set(proxies.map(({ name }) => name));
  let together = 0;
  for (const name of counted) together += players.byProxy.get(name).size;
  for (const { name } of servers) together += others(network, name, counted);
  return { network: players.online, selected: together, nodes: counts };
}

/** Players of a server whose proxies are not counted already. */
function others({ players }: Network, server: string, proxies: ReadonlySet<string>): number {
  const here = players.byServer.get(server);
  if (proxies.size === 0) return here.size;
  let count = 0;
  for (const id of here) if (!proxies.has(players.get(id)?.value.proxy ?? '')) count += 1;
  return count;
}
