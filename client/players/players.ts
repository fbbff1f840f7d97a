/** `client.players`: the events of players, for every role, and the players of a proxy. */
import type { Player } from '../../gen/ts/kelpie/v1/player.js';
import type { PlayerRef } from '../commands/refs.js';
import { KelpieError } from '../errors.js';
import {
  type BodyHandler,
  onPlayers,
  type PlayerEvents,
  type Subscribe,
  type Unsubscribe,
} from '../events/network-events.js';
import type { PlayerFacts, PlayerFactsChange } from './facts.js';
import type { Acquired, Policy } from './options.js';
import type { ProxyPlayers } from './proxy-players.js';

/** Sends a change of a player to the coordinator. */
export type UpdatePlayer = (player: PlayerRef, change: PlayerFactsChange) => Promise<void>;

/** The error for a node that holds no players. */
export function holdsNoPlayers(): KelpieError {
  const message =
    'only proxies, and servers that players join directly, hold players: connect({ role: "PROXY", players: { onEvicted } })';
  return new KelpieError('ROLE_HOLDS_NO_PLAYERS', message, { permanent: true });
}

/**
 * Every role can use `on` and `update`. The rest is for a node that holds players: a proxy, or a server that
 * players join directly, with the option `players`. For others it throws, or rejects with, ROLE_HOLDS_NO_PLAYERS.
 */
export class Players {
  readonly #subscribe: Subscribe;
  readonly #proxy: ProxyPlayers | undefined;
  readonly #update: UpdatePlayer;

  /** @internal */
  constructor(subscribe: Subscribe, proxy: ProxyPlayers | undefined, update: UpdatePlayer) {
    this.#subscribe = subscribe;
    this.#proxy = proxy;
    this.#update = update;
  }

  /**
   * Calls the handler with each player of the whole network who comes online (`joined`), changes server
   * (`moved`), changes in another way (`updated`) or goes offline (`left`), in order, one at a time. It is a
   * subscription of `players.*` and follows the rules of `client.subscribe`: a handler that is added later
   * than the first stream gets only new events. For the players who are online now, use
   * `connect({ roster: { players: true } })` and `client.roster.players()`, or `client.api.players`.
   * Returns a function that ends the subscription. Throws VALUE_INVALID, and the errors of `client.subscribe`.
   *
   * @example
   * kelpie.players.on('left', ({ player, reason }) => console.log(`${player.name} left: ${reason}`));
   */
  on<Name extends keyof PlayerEvents>(
    name: Name,
    handler: BodyHandler<PlayerEvents[Name]>,
  ): Unsubscribe {
    return onPlayers(this.#subscribe, name, handler);
  }

  /**
   * Changes facts of an online player, also of a player whom another node holds: a server may set properties of its
   * players. `player` is a player of the roster or of an event. Rejects with PLAYER_NOT_FOUND, STALE_GENERATION (they
   * logged in again), RIGHT_MISSING (they are on another server, and the credential of this node has no right to
   * change them there), LABELS_INVALID, TEXT_TOO_LONG or PLAYER_INVALID, and with UNAVAILABLE while no coordinator is
   * connected.
   */
  async update(player: PlayerRef, change: PlayerFactsChange): Promise<void> {
    await this.#update(player, change);
  }

  /** The number of players on this proxy. Throws ROLE_HOLDS_NO_PLAYERS. */
  get size(): number {
    return this.#own.size;
  }

  /** A player of this proxy, with the facts that the proxy reported last. Throws ROLE_HOLDS_NO_PLAYERS. */
  get(id: string): Player | undefined {
    return this.#own.get(id);
  }

  /**
   * Asks the coordinator for a player during their login, before the proxy lets them in. `policy` is the rule if
   * another proxy has the player; by default the coordinator asks that proxy whether the player is really there. After
   * a grant call `joined` within 60 s, or `release`. If no coordinator decides, `whenAway` is the rule. Rejects with
   * PLAYER_INVALID, PLAYER_LIMIT and the other reasons of AcquirePlayer: do not let the player in then.
   */
  async acquire(facts: PlayerFacts, options: { policy?: Policy } = {}): Promise<Acquired> {
    return this.#own.acquire(facts, options);
  }

  /** The login ended before the player was in. For a player who is in, the call is the same as `left`. */
  async release(id: string): Promise<void> {
    return this.#own.release(id);
  }

  /**
   * The player is in, with these facts; for a player who was in already, these are the new facts. A call without
   * `acquire` ends the player's presence elsewhere. For a player who was in already, the coordinator ignores the new
   * properties, context and language that another node changed with `update`: the network keeps the values of that
   * node. To replace them, call `changed`. Rejects with the reasons of PlayerReportResult, for example PLAYER_INVALID:
   * the player does not count as online here then.
   */
  async joined(facts: PlayerFacts): Promise<void> {
    return this.#own.joined(facts);
  }

  /**
   * The player is on this server now; an empty name means on no server. If no node has this name, the coordinator keeps
   * the name and marks it. Rejects with PLAYER_NOT_FOUND if the player is not in, and with PLAYER_INVALID if the node
   * of that name is not a server, or if players join this node directly and the name is another one.
   */
  async moved(id: string, server: string): Promise<void> {
    return this.#own.moved(id, server);
  }

  /**
   * The player has changed. The change also replaces the same facts of another node (`update`). Rejects with
   * PLAYER_NOT_FOUND, LABELS_INVALID or PLAYER_INVALID. Resolves at once while no coordinator is connected: the client
   * sends the change after it has connected again, and reports a later refusal in `client.status()`.
   */
  async changed(id: string, change: PlayerFactsChange): Promise<void> {
    return this.#own.changed(id, change);
  }

  /**
   * The player left. The call does nothing for a player who is not in: they were evicted. While the player logs in
   * again, the call reports that their older connection ended.
   */
  async left(id: string, reason: 'QUIT' | 'KICKED' = 'QUIT'): Promise<void> {
    return this.#own.left(id, reason);
  }

  get #own(): ProxyPlayers {
    if (this.#proxy) return this.#proxy;
    throw holdsNoPlayers();
  }
}
