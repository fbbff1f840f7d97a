/** The players who are online: found, one by one or many, and listed. */
import type { NodeSelector } from '../../gen/ts/kelpie/v1/command.js';
import type { Player, PlayerLookup } from '../../gen/ts/kelpie/v1/player.js';
import type {
  BatchGetPlayersRequest,
  ListPlayersRequest,
} from '../../gen/ts/kelpie/v1/player_service.js';
import { labelsOf } from '../network/labels.js';
import type { Network } from '../network/network.js';
import { selected } from '../nodes/queries.js';
import { AnswerRoom, type Listing, type Page, pageOf } from '../network/pages.js';
import { CANDIDATES, lookupOf, playerAmbiguous, playerNotFound, prefixOf } from './player.js';
import { idIn } from './player-index.js';
import type { PlayerRow } from './rows.js';

/** A player who is online. Throws PLAYER_NOT_FOUND, PLAYER_AMBIGUOUS or PLAYER_INVALID. */
export function findPlayer(network: Network, lookup: PlayerLookup | undefined): Player {
  const by = lookupOf(lookup);
  const [first, ...others] = network.playerRows.find(by);
  if (!first) throw playerNotFound(by.value);
  if (others.length === 0) return first.value.player;
  const players = [first, ...others.slice(0, CANDIDATES)].map(({ value }) => value.player);
  throw playerAmbiguous(by.value, players);
}

/** What lookups found: as much as fits into an answer. */
export interface FoundPlayers {
  readonly players: Player[];
  readonly missing: PlayerLookup[];
  readonly ambiguous: { readonly lookup: PlayerLookup; readonly playerIds: string[] }[];
  readonly leftOut: PlayerLookup[];
}

/** Looks many up, in turns. `lookupBytes`: what they take, as each may be in the answer. Throws PLAYER_INVALID. */
export function findPlayers(
  network: Network,
  { players: lookups, includeContext }: BatchGetPlayersRequest,
  lookupBytes: number,
  asker?: unknown,
): Promise<FoundPlayers> {
  const listed = new ListedPlayers(includeContext);
  return network.searches.work(finding(network, lookups, lookupBytes, listed), asker);
}

/** Players as an answer has them: with their context where the request asks for it. */
class ListedPlayers {
  readonly #includeContext: boolean;

  constructor(includeContext: boolean) {
    this.#includeContext = includeContext;
  }

  bytesOf({ bytes, contextBytes }: PlayerRow): number {
    return this.#includeContext ? bytes : bytes - contextBytes;
  }

  playerOf({ player }: PlayerRow): Player {
    return this.#includeContext ? player : { ...player, context: NO_CONTEXT };
  }
}

const NO_CONTEXT = new Uint8Array();

function* finding(
  network: Network,
  lookups: readonly PlayerLookup[],
  lookupBytes: number,
  listed: ListedPlayers,
): Generator<undefined, FoundPlayers> {
  // All are looked at before any is looked up: what is wrong with the request fails all of it.
  const wanted = lookups.map((lookup) => ({ lookup, by: lookupOf(lookup) }));
  const found: FoundPlayers = { players: [], missing: [], ambiguous: [], leftOut: [] };
  const room = new AnswerRoom(lookupBytes);
  for (const { lookup, by } of wanted) {
    yield;
    const rows = network.playerRows.find(by);
    const [one] = rows;
    const several = rows.length > 1 ? rows.slice(0, CANDIDATES).map(({ value }) => value) : [];
    const bytes =
      several.length > 0 ? ID_BYTES * several.length : one ? listed.bytesOf(one.value) : 0;
    if (found.leftOut.length > 0 || !room.take(bytes)) found.leftOut.push(lookup);
    else if (!one) found.missing.push(lookup);
    else if (several.length === 0) found.players.push(listed.playerOf(one.value));
    else found.ambiguous.push({ lookup, playerIds: several.map(({ player }) => player.id) });
  }
  return found;
}

/** What an id takes at most. */
const ID_BYTES = 40;

/** Which players to list: those who match each of these; what is empty matches any. */
type PlayerFilter = Pick<
  ListPlayersRequest,
  'proxy' | 'server' | 'serverLabels' | 'namePrefix' | 'properties'
>;

/**
 * Lists players, in turns: by id, or by name where the beginning of a name is given. Throws OUT_OF_RANGE,
 * PAGE_TOKEN_INVALID, PLAYER_INVALID or LABELS_INVALID.
 */
export async function listPlayers(
  network: Network,
  request: ListPlayersRequest,
  asker?: unknown,
): Promise<Page<Player>> {
  const { tail, searches } = network;
  const listed = new ListedPlayers(request.includeContext);
  const listing = listingOf(network, request, listed);
  const page = playersOf(pageOf(listing, tail.head, request, 'players'), listed);
  return searches.work(page, asker);
}

/** Read from their rows within the turn. */
function* playersOf(
  page: Generator<undefined, Page<PlayerRow>>,
  listed: ListedPlayers,
): Generator<undefined, Page<Player>> {
  const { items, ...rest } = yield* page;
  const players: Player[] = [];
  for (const row of items) {
    players.push(listed.playerOf(row));
    yield;
  }
  return { items: players, ...rest };
}

function listingOf(
  network: Network,
  filter: PlayerFilter,
  listed: ListedPlayers,
): Listing<PlayerRow> {
  const { playerRows } = network;
  const { index } = playerRows;
  const matches = matcherOf(network, filter);
  const prefix = prefixOf(filter.namePrefix);
  const itemOf = (id: string): PlayerRow | undefined => {
    const row = playerRows.onlineOf(id)?.value;
    return row && matches(row) ? row : undefined;
  };
  const bytesOf = (row: PlayerRow): number => listed.bytesOf(row);
  if (prefix !== '') {
    const after = (key: string) => index.namesAfter(prefix, key);
    return { after, item: (key) => itemOf(idIn(key)), bytesOf };
  }
  const { proxy, server } = filter;
  if (server !== '') {
    const onServer = playerRows.byServer.get(server.toLowerCase());
    return { after: (id) => onServer.after(id), item: itemOf, bytesOf };
  }
  const ids = proxy === '' ? playerRows.names : playerRows.byProxy.get(proxy.toLowerCase());
  return { after: (id) => ids.after(id), item: itemOf, bytesOf };
}

function matcherOf(network: Network, filter: PlayerFilter): (row: PlayerRow) => boolean {
  const proxy = filter.proxy.toLowerCase();
  const server = filter.server.toLowerCase();
  const servers = serversOf(network, filter.serverLabels);
  const has = propertyMatcher(filter.properties);
  return (row) =>
    (proxy === '' || row.proxy === proxy) &&
    (server === '' || row.server === server) &&
    (servers === undefined || servers.has(row.server)) &&
    (has === undefined || has(row));
}

/** The servers with these labels; undefined: any. */
function serversOf(
  network: Network,
  labels: NodeSelector['labels'],
): ReadonlySet<string> | undefined {
  if (Object.keys(labels).length === 0) return undefined;
  return new Set(selected(network, { roles: [], states: [], labels }).map(({ name }) => name));
}

/** Whether a player has all of these properties; undefined: any has. Throws LABELS_INVALID. */
export function propertyMatcher(
  properties: Record<string, string>,
): ((row: PlayerRow) => boolean) | undefined {
  const wanted = Object.entries(labelsOf(properties));
  if (wanted.length === 0) return undefined;
  return ({ player }) => wanted.every(([name, value]) => player.properties[name] === value);
}
