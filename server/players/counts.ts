/** How many players are online: in all, and on each node. */
import { type Node, NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import { type CountPlayersResponse, NodeCount } from '../../gen/ts/kelpie/v1/player_service.js';
import { AnswerRoom } from '../network/pages.js';
import type { PlayerRow, PlayerRows } from './rows.js';

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

/** Counts players on these nodes, and in all; `matches` leaves out others; undefined: none. */
export function* countPlayers(
  rows: PlayerRows,
  nodes: readonly Node[],
  matches: ((row: PlayerRow) => boolean) | undefined,
): Work<CountPlayersResponse> {
  const wanted: Wanted = {
    proxies: new Set(nodes.filter(isProxy).map(({ name }) => name)),
    servers: new Set(nodes.filter(isServer).map(({ name }) => name)),
  };
  const tally = yield* matches ? matching(rows, wanted, matches) : all(rows, wanted);
  return answerOf(tally, wanted);
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
function* all(rows: PlayerRows, { proxies, servers }: Wanted): Work<Tally> {
  const { byProxy, byServer } = rows;
  let together = 0;
  for (const name of proxies) together += byProxy.sizeOf(name);
  for (const name of servers) {
    yield;
    if (proxies.size === 0) together += byServer.sizeOf(name);
    else {
      // A player of a proxy that is counted is counted already.
      for (const id of byServer.get(name)) {
        if (!proxies.has(rows.get(id)?.proxy ?? '')) together += 1;
        yield;
      }
    }
  }
  const onProxy = (name: string): number => byProxy.sizeOf(name);
  const onServer = (name: string): number => byServer.sizeOf(name);
  return { network: rows.online, selected: together, onProxy, onServer };
}

function* matching(
  rows: PlayerRows,
  { proxies, servers }: Wanted,
  matches: (row: PlayerRow) => boolean,
): Work<Tally> {
  const onProxies = new Map<string, number>();
  const onServers = new Map<string, number>();
  let counted = 0;
  let together = 0;
  for (const id of rows.names.after('')) {
    yield;
    const row = rows.onlineOf(id);
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
