/** Finds, lists and counts the players online. */
import type { NodeSelector } from '../../gen/ts/kelpie/v1/command.js';
import type { Player, PlayerLookup } from '../../gen/ts/kelpie/v1/player.js';
import type {
  BatchGetPlayersRequest,
  CountPlayersRequest,
  CountPlayersResponse,
  ListPlayersRequest,
} from '../../gen/ts/kelpie/v1/player_service.js';
import { labelsOf } from '../network/labels.js';
import type { Network } from '../network/network.js';
import type { NodeQueries } from '../nodes/queries.js';
import { AnswerRoom, type Listing, type Page, pageOf } from '../network/pages.js';
import { CANDIDATES, lookupOf, playerAmbiguous, playerNotFound, prefixOf } from './player.js';
import { idIn } from './player-index.js';
import { countPlayers } from './counts.js';
import type { PlayerRow, PlayerRows } from './rows.js';

/** The result of lookups. Lookups that do not fit into the answer are in `leftOut`. */
export interface FoundPlayers {
  readonly players: Player[];
  readonly missing: PlayerLookup[];
  readonly ambiguous: { readonly lookup: PlayerLookup; readonly playerIds: string[] }[];
  readonly leftOut: PlayerLookup[];
}

/** Selects the players who match each field; an empty field matches all players. */
type PlayerFilter = Pick<
  ListPlayersRequest,
  'proxy' | 'server' | 'serverLabels' | 'namePrefix' | 'properties'
>;

/** The most bytes of an id. */
const ID_BYTES = 40;

const NO_CONTEXT = new Uint8Array();

/** The players of an answer: with their context if the request sets include_context. */
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

/** Long queries take turns; `asker` is the connection whose turn a query uses. */
export class PlayerQueries {
  readonly #network: Pick<Network, 'head' | 'searches'>;
  readonly #rows: PlayerRows;
  readonly #nodes: NodeQueries;

  constructor(network: Pick<Network, 'head' | 'searches'>, rows: PlayerRows, nodes: NodeQueries) {
    this.#network = network;
    this.#rows = rows;
    this.#nodes = nodes;
  }

  /** Finds one player online. Throws PLAYER_NOT_FOUND, PLAYER_AMBIGUOUS or PLAYER_INVALID. */
  find(lookup: PlayerLookup | undefined): Player {
    const by = lookupOf(lookup);
    const [first, ...others] = this.#rows.find(by);
    if (!first) throw playerNotFound(by.value);
    if (others.length === 0) return first.player;
    const players = [first, ...others.slice(0, CANDIDATES)].map(({ player }) => player);
    throw playerAmbiguous(by.value, players);
  }

  /**
   * Looks up many players. `lookupBytes` are the bytes of all lookups, because the answer may repeat each of
   * them. Throws PLAYER_INVALID.
   */
  findAll(
    { players: lookups, includeContext }: BatchGetPlayersRequest,
    lookupBytes: number,
    asker?: unknown,
  ): Promise<FoundPlayers> {
    const listed = new ListedPlayers(includeContext);
    return this.#network.searches.work(this.#finding(lookups, lookupBytes, listed), asker);
  }

  *#finding(
    lookups: readonly PlayerLookup[],
    lookupBytes: number,
    listed: ListedPlayers,
  ): Generator<undefined, FoundPlayers> {
    // Checks all lookups first: one invalid lookup fails the whole request.
    const checked = lookups.map((lookup) => ({ lookup, by: lookupOf(lookup) }));
    const found: FoundPlayers = { players: [], missing: [], ambiguous: [], leftOut: [] };
    const room = new AnswerRoom(lookupBytes);
    for (const { lookup, by } of checked) {
      yield;
      const rows = this.#rows.find(by);
      const [one] = rows;
      const several = rows.length > 1 ? rows.slice(0, CANDIDATES) : [];
      const bytes = several.length > 0 ? ID_BYTES * several.length : one ? listed.bytesOf(one) : 0;
      if (found.leftOut.length > 0 || !room.take(bytes)) found.leftOut.push(lookup);
      else if (!one) found.missing.push(lookup);
      else if (several.length === 0) found.players.push(listed.playerOf(one));
      else found.ambiguous.push({ lookup, playerIds: several.map(({ player }) => player.id) });
    }
    return found;
  }

  /**
   * Lists players in the order of their ids, or of their names if the request has a prefix. Throws OUT_OF_RANGE,
   * PAGE_TOKEN_INVALID, PLAYER_INVALID or LABELS_INVALID.
   */
  async list(request: ListPlayersRequest, asker?: unknown): Promise<Page<Player>> {
    const { head, searches } = this.#network;
    const listed = new ListedPlayers(request.includeContext);
    const rows = pageOf(this.#listing(request, listed), head, request, 'players');
    return searches.work(playersOf(rows, listed), asker);
  }

  #listing(filter: PlayerFilter, listed: ListedPlayers): Listing<PlayerRow> {
    const rows = this.#rows;
    const matches = this.#matcher(filter);
    const prefix = prefixOf(filter.namePrefix);
    const itemOf = (id: string): PlayerRow | undefined => {
      const row = rows.onlineOf(id);
      return row && matches(row) ? row : undefined;
    };
    const bytesOf = (row: PlayerRow): number => listed.bytesOf(row);
    if (prefix !== '') {
      const after = (key: string) => rows.index.namesAfter(prefix, key);
      return { after, item: (key) => itemOf(idIn(key)), bytesOf };
    }
    const { proxy, server } = filter;
    if (server !== '') {
      const onServer = rows.byServer.get(server.toLowerCase());
      return { after: (id) => onServer.after(id), item: itemOf, bytesOf };
    }
    const ids = proxy === '' ? rows.names : rows.byProxy.get(proxy.toLowerCase());
    return { after: (id) => ids.after(id), item: itemOf, bytesOf };
  }

  #matcher(filter: PlayerFilter): (row: PlayerRow) => boolean {
    const proxy = filter.proxy.toLowerCase();
    const server = filter.server.toLowerCase();
    const servers = this.#serversWith(filter.serverLabels);
    const has = propertyMatcher(filter.properties);
    return (row) =>
      (proxy === '' || row.proxy === proxy) &&
      (server === '' || row.server === server) &&
      (servers === undefined || servers.has(row.server)) &&
      (has === undefined || has(row));
  }

  /** The servers with these labels; undefined: any. */
  #serversWith(labels: NodeSelector['labels']): ReadonlySet<string> | undefined {
    if (Object.keys(labels).length === 0) return undefined;
    const found = this.#nodes.selected({ roles: [], states: [], labels });
    return new Set(found.map(({ name }) => name));
  }

  /** Counts players in the network and on each selected node. Throws LABELS_INVALID. */
  async count(
    { nodes, properties }: CountPlayersRequest,
    asker?: unknown,
  ): Promise<CountPlayersResponse> {
    const matches = propertyMatcher(properties);
    const selected = this.#nodes.selected(nodes ?? { roles: [], states: [], labels: {} });
    return this.#network.searches.work(countPlayers(this.#rows, selected, matches), asker);
  }
}

/** Decodes the players of a page within the turn of the search, as decoding takes time. */
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

/** Tests whether a player has all of these properties; undefined if there are none. Throws LABELS_INVALID. */
function propertyMatcher(
  properties: Record<string, string>,
): ((row: PlayerRow) => boolean) | undefined {
  const wanted = Object.entries(labelsOf(properties));
  if (wanted.length === 0) return undefined;
  return ({ player }) => wanted.every(([name, value]) => player.properties[name] === value);
}
