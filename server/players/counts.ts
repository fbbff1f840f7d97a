/** How many players are online: in all, and on each node. */
import { NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import {
  type CountPlayersRequest,
  type CountPlayersResponse,
  NodeCount,
} from '../../gen/ts/kelpie/v1/player_service.js';
import type { Network } from '../network/network.js';
import { selected } from '../nodes/queries.js';
import { AnswerRoom } from '../network/pages.js';
import { propertyMatcher } from './queries.js';
import type { PlayerRow } from './rows.js';

/** What is counted. */
interface Tally {
  readonly network: number;
  /** On any of the nodes that are wanted. */
  readonly selected: number;
  readonly onProxy: (name: string) => number;
  readonly onServer: (name: string) => number;
}

/** The nodes that are wanted, by name. */
interface Wanted {
  readonly proxies: ReadonlySet<string>;
  readonly servers: ReadonlySet<string>;
}

type Work<Result> = Generator<undefined, Result>;

/** Counts players in turns; `asker`: whose turn it is. Throws LABELS_INVALID. */
export async function countPlayers(
  network: Network,
  { nodes, properties }: CountPlayersRequest,
  asker?: unknown,
): Promise<CountPlayersResponse> {
  const matches = propertyMatcher(properties);
  const found = selected(network, nodes ?? { roles: [], states: [], labels: {} });
  const wanted: Wanted = {
    proxies: new Set(found.filter(isProxy).map(({ name }) => name)),
    servers: new Set(found.filter(isServer).map(({ name }) => name)),
  };
  const tally = matches ? matching(network, wanted, matches) : all(network, wanted);
  return answerOf(await network.searches.work(tally, asker), wanted);
}

function answerOf(tally: Tally, { proxies, servers }: Wanted): CountPlayersResponse {
  const counts: NodeCount[] = [
    ...Array.from(proxies, (name) => countOf(name, NodeRole.PROXY, tally.onProxy)),
    ...Array.from(servers, (name) => countOf(name, NodeRole.DOWNSTREAM, tally.onServer)),
  ];
  counts.sort((left, right) => (left.name < right.name ? -1 : 1));
  const room = new AnswerRoom();
  const over = counts.findIndex((count) => !room.take(NodeCount.encode(count).finish().length));
  const listed = over === -1 ? counts : counts.slice(0, over);
  const nodesLeftOut = counts.length - listed.length;
  return { network: tally.network, selected: tally.selected, nodes: listed, nodesLeftOut };
}

function countOf(name: string, role: NodeRole, on: (name: string) => number): NodeCount {
  return { name, role, players: on(name) };
}

/** From the indexes, where there is nothing to look at in players. */
function* all({ playerRows }: Network, { proxies, servers }: Wanted): Work<Tally> {
  const { byProxy, byServer } = playerRows;
  let together = 0;
  for (const name of proxies) together += byProxy.sizeOf(name);
  for (const name of servers) {
    yield;
    if (proxies.size === 0) together += byServer.sizeOf(name);
    else {
      // A player of a proxy that is counted is counted already.
      for (const id of byServer.get(name)) {
        if (!proxies.has(playerRows.get(id)?.value.proxy ?? '')) together += 1;
        yield;
      }
    }
  }
  const onProxy = (name: string): number => byProxy.sizeOf(name);
  const onServer = (name: string): number => byServer.sizeOf(name);
  return { network: playerRows.online, selected: together, onProxy, onServer };
}

function* matching(
  { playerRows }: Network,
  { proxies, servers }: Wanted,
  matches: (row: PlayerRow) => boolean,
): Work<Tally> {
  const onProxies = new Map<string, number>();
  const onServers = new Map<string, number>();
  let counted = 0;
  let together = 0;
  for (const id of playerRows.names.after('')) {
    yield;
    const row = playerRows.onlineOf(id)?.value;
    if (!row || !matches(row)) continue;
    counted += 1;
    onProxies.set(row.proxy, (onProxies.get(row.proxy) ?? 0) + 1);
    onServers.set(row.server, (onServers.get(row.server) ?? 0) + 1);
    if (proxies.has(row.proxy) || servers.has(row.server)) together += 1;
  }
  const onProxy = (name: string): number => onProxies.get(name) ?? 0;
  const onServer = (name: string): number => onServers.get(name) ?? 0;
  return { network: counted, selected: together, onProxy, onServer };
}

function isProxy({ role }: { readonly role: NodeRole }): boolean {
  return role === NodeRole.PROXY;
}

function isServer({ role }: { readonly role: NodeRole }): boolean {
  return role === NodeRole.DOWNSTREAM;
}
