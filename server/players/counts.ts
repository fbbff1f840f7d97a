/** Counts the players online: in the network, and on each node. */
import { type Node, NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import { type CountPlayersResponse, NodeCount } from '../../gen/ts/kelpie/v1/player_service.js';
import { AnswerRoom } from '../network/pages.js';
import type { PlayerRow, PlayerRows } from './rows.js';

/** The result of a count. */
interface Tally {
  readonly network: number;
  /** Players on any of the selected nodes. */
  readonly selected: number;
  readonly onProxy: (name: string) => number;
  readonly onServer: (name: string) => number;
}

/** The names of the selected nodes. */
interface Selected {
  readonly proxies: ReadonlySet<string>;
  readonly servers: ReadonlySet<string>;
}

type Work<Result> = Generator<undefined, Result>;

/** Counts players on these nodes and in the network. Only players that `matches` accepts count; undefined: all. */
export function* countPlayers(
  rows: PlayerRows,
  nodes: readonly Node[],
  matches: ((row: PlayerRow) => boolean) | undefined,
): Work<CountPlayersResponse> {
  const chosen: Selected = {
    proxies: new Set(nodes.filter(isProxy).map(({ name }) => name)),
    servers: new Set(nodes.filter(isServer).map(({ name }) => name)),
  };
  const tally = yield* matches ? matching(rows, chosen, matches) : all(rows, chosen);
  return answerOf(tally, chosen);
}

function answerOf(tally: Tally, { proxies, servers }: Selected): CountPlayersResponse {
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

/** Counts from the indexes, where no player has to match anything. */
function* all(rows: PlayerRows, { proxies, servers }: Selected): Work<Tally> {
  const { byProxy, byServer } = rows;
  let together = 0;
  for (const name of proxies) together += byProxy.sizeOf(name);
  for (const name of servers) {
    yield;
    if (proxies.size === 0) together += byServer.sizeOf(name);
    else {
      // The players on a selected proxy are counted already.
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
  { proxies, servers }: Selected,
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
