/** The queries of the roster. */
import type { NodeLoad } from '../../gen/ts/kelpie/v1/node.js';
import type { Player } from '../../gen/ts/kelpie/v1/player.js';
import type { NetworkSettings } from '../../gen/ts/kelpie/v1/settings.js';
import type { Node } from '../core/node.js';
import type { RoutingRule } from '../core/routing.js';
import type { RoleName } from '../core/spelling.js';
import type { PickedServer } from './pick.js';
import type { PlayerLookup } from './players.js';
import type { PickOptions } from './routing.js';

/**
 * A live copy of the network's nodes, routing rules and settings, and of its players with `connect({ roster: { players: true } })`. It answers
 * at once, from memory, also while no coordinator is connected.
 */
export interface RosterView {
  /** Whether a coordinator has sent the whole roster once. `client.ready()` waits for it. */
  readonly complete: boolean;

  /** All nodes, by name. */
  nodes(): Node[];

  /** The node of a name, in any case; undefined if there is none. Throws VALUE_INVALID. */
  node(name: string): Node | undefined;

  /** The nodes of a role that are READY and have all these labels, by name. Throws VALUE_INVALID. */
  ready(role: RoleName, labels?: Readonly<Record<string, string>>): Node[];

  /**
   * Whether the client has a node only from before the coordinator lost its history, or from the file, and no
   * coordinator has confirmed the node since. Throws VALUE_INVALID.
   */
  isStale(name: string): boolean;

  /**
   * The load that a node reported last: ticks a second, bytes of memory, round trip in milliseconds. It may be
   * old. Undefined if there is none. Throws VALUE_INVALID.
   */
  load(name: string): NodeLoad | undefined;

  /** All online players, by id. Throws ROSTER_WITHOUT_PLAYERS, as the next two do. */
  players(): Player[];

  /**
   * An online player. Throws PLAYER_AMBIGUOUS if several names differ from this one only in case and none is equal to
   * it; VALUE_INVALID.
   */
  player(lookup: PlayerLookup): Player | undefined;

  /** The number of online players: in all, on a proxy, on a server, or on both. Throws VALUE_INVALID. */
  playerCount(place?: { readonly proxy?: string; readonly server?: string }): number;

  /** The rules by which players find a server, in the order of the table. Empty if the network has none. */
  readonly routing: readonly RoutingRule[];

  /** The settings of the network: whether it is in maintenance, and for whom. */
  readonly settings: NetworkSettings;

  /**
   * The server for a player, by the routing rules: at once, from memory. Undefined if no server is open. The player then
   * counts as a player of that server, in picks of this process, until the roster shows that they are on a server or
   * gone, for at most 10 s and 10,000 players. A player whom this process holds counts for longer: until the roster shows
   * them on a server, or they leave. They count on the server that the process reported last, else on the picked one.
   * Another pick for a player replaces the first one. A pick without a player, or with only a name that nobody online
   * has, is a question: it counts nothing. Picks of other processes do not count here; `client.reserve` holds a slot
   * that all of them see. Throws ROSTER_WITHOUT_PLAYERS, PLAYER_AMBIGUOUS (see `player`) or VALUE_INVALID.
   *
   * @example
   * const picked = kelpie.roster.pick({ for: 'join', player: { xuid }, host: 'play.example.org' });
   * login.sendTo(picked?.server);
   */
  pick(options: PickOptions): PickedServer | undefined;
}

/** An object with the queries of a roster alone: nobody can write the roster through it. */
export function viewOf(roster: RosterView): RosterView {
  return Object.freeze<RosterView>({
    get complete() {
      return roster.complete;
    },
    nodes: () => roster.nodes(),
    node: (name) => roster.node(name),
    ready: (role, labels) => roster.ready(role, labels),
    isStale: (name) => roster.isStale(name),
    load: (name) => roster.load(name),
    players: () => roster.players(),
    player: (lookup) => roster.player(lookup),
    playerCount: (place) => roster.playerCount(place),
    get routing() {
      return roster.routing;
    },
    get settings() {
      return roster.settings;
    },
    pick: (options) => roster.pick(options),
  });
}
