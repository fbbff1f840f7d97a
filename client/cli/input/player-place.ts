/** Which players a command is for, as its options name them. */
import type { Api, PlayersTarget } from '../../api/index.js';
import { KelpieError } from '../../errors.js';
import { UsageError } from '../output/output.js';
import { requirePlayer } from './player.js';

/** Filters of players; one that is left out matches any. */
export interface PlayerOptions {
  readonly proxy?: string;
  readonly server?: string;
  /** Of the server. */
  readonly label: Readonly<Record<string, string>>;
  /** How their names begin. */
  readonly prefix?: string;
  readonly property?: Readonly<Record<string, string>>;
  readonly includeContext?: boolean;
}

/** Page by page: a network can have more players than fit into one answer. */
export function playerPages(api: Api, options: Partial<PlayerOptions>) {
  const {
    proxy = '',
    server = '',
    label = {},
    prefix = '',
    property = {},
    includeContext = false,
  } = options;
  const filter = { proxy, server, serverLabels: label, namePrefix: prefix };
  return api.players.pages({ ...filter, properties: property, includeContext });
}

/**
 * Of a place without players: throws if there is no such node, or if no player can be there. `prefix`: the beginning
 * of the options' names.
 */
export async function refuseUnknownPlace(
  api: Api,
  { proxy, server }: PlayerOptions,
  prefix = '',
): Promise<void> {
  if (proxy !== undefined) await requireRole(api, proxy, 'PROXY', prefix);
  if (server !== undefined) await requireRole(api, server, 'DOWNSTREAM', prefix);
}

async function requireRole(
  api: Api,
  wanted: string,
  role: 'PROXY' | 'DOWNSTREAM',
  prefix: string,
): Promise<void> {
  const { name, role: real } = await api.nodes.get(wanted);
  if (real === role) return;
  if (role === 'PROXY' && real === 'DOWNSTREAM' && (await isEmpty(api, name))) return;
  const other = {
    PROXY: 'a proxy',
    DOWNSTREAM: 'a server',
    SERVICE: undefined,
    UNKNOWN: undefined,
  }[real];
  const advice = other === undefined ? '' : `; use --${prefix}${other.slice('a '.length)} ${name}`;
  const what = role === 'PROXY' ? 'proxy' : 'server';
  const message = `"${name}" is no ${what}, but ${other ?? 'a service'}${advice}`;
  throw new KelpieError('NO_TARGET', message);
}

/** A server that players join directly holds them itself; a server with players of proxies does not. */
async function isEmpty(api: Api, server: string): Promise<boolean> {
  const { players } = await api.players.list({ server, pageSize: 1 });
  return players.length === 0;
}

/** One player, by the id that they have now: not somebody who took the name meanwhile. */
export async function onePlayer(api: Api, who: string) {
  const { id, name } = await requirePlayer(api, who);
  const place: PlayersTarget = { player: { id } };
  return { place, names: new Map([[id, name]]) };
}

/** The place that the options name; undefined if they name none. `prefix`: the beginning of the options' names. */
export function placeOf(
  { server, proxy, label }: PlayerOptions,
  prefix = '',
): PlayersTarget | undefined {
  const labels = { ...label };
  const places: PlayersTarget[] = [];
  if (server !== undefined) places.push({ server });
  if (proxy !== undefined) places.push({ proxy });
  if (Object.keys(labels).length > 0) places.push({ servers: { labels } });
  if (places.length > 1) {
    const [first, second, third] = ['server', 'proxy', 'label'].map((one) => `--${prefix}${one}`);
    throw new UsageError(`name one place: ${first}, ${second}, or labels of servers with ${third}`);
  }
  return places[0];
}
