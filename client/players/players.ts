/** `client.players`: what happens to players, for every role, and the players of a proxy. */
import type { Player } from '../../gen/ts/kelpie/v1/player.js';
import type { PlayerRef } from '../commands/commands.js';
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
 * Every role can use `on` and `update`. All else is for a node that holds players: a proxy, or a server that
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
   * (`moved`), changes otherwise (`updated`) or goes offline (`left`), in order, one at a time. It is a
   * subscription of `players.*` and follows the rules of `client.subscribe`: a handler that is added later
   * than the first stream starts with what happens from then on. For the players who are online now, use
   * `connect({ roster: { players: true } })` and `client.roster.players()`, or `client.api.players`.
   * Returns the function that ends it. Throws VALUE_INVALID, and what `client.subscribe` throws.
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
   * Changes facts of a player who is online, whichever node holds them: a server may set properties of its
   * players. `player` is a player as the roster or an event has them. Rejects with PLAYER_NOT_FOUND,
   * STALE_GENERATION (they logged in again), LABELS_INVALID, TEXT_TOO_LONG or PLAYER_INVALID, and with
   * UNAVAILABLE while no coordinator is connected.
   */
  async update(player: PlayerRef, change: PlayerFactsChange): Promise<void> {
    await this.#update(player, change);
  }

  /** How many players are on this proxy. Throws ROLE_HOLDS_NO_PLAYERS. */
  get size(): number {
    return this.#own.size;
  }

  /** A player of this proxy, as the proxy reported them last. Throws ROLE_HOLDS_NO_PLAYERS. */
  get(id: string): Player | undefined {
    return this.#own.get(id);
  }

  /**
   * Asks for a player in their login, before the proxy lets them in. `policy` says what happens if another
   * proxy has them; by default the coordinator asks that proxy whether they are really there. After a grant
   * call `joined` within 60 s, or `release`. Where no coordinator decides, `whenAway` does. Rejects with
   * PLAYER_INVALID, PLAYER_LIMIT and the other reasons of AcquirePlayer: do not let the player in then.
   */
  async acquire(facts: PlayerFacts, options: { policy?: Policy } = {}): Promise<Acquired> {
    return this.#own.acquire(facts, options);
  }

  /** The login ended before the player came in. A player who is in has left then. */
  async release(id: string): Promise<void> {
    return this.#own.release(id);
  }

  /**
   * The player is in, with these facts; or they were in, and these are their facts now. Without `acquire`
   * before it, a login elsewhere ends. Rejects with the reasons of PlayerReportResult, for example
   * PLAYER_INVALID: the player does not count as being here then.
   */
  async joined(facts: PlayerFacts): Promise<void> {
    return this.#own.joined(facts);
  }

  /**
   * The player is on this server now; an empty name means on none. The coordinator keeps the name of a server
   * that is no node, and marks it. Rejects with PLAYER_NOT_FOUND if the player is not in, PLAYER_INVALID if a
   * node of that name is no server, or if players join this node directly: they are on this node then.
   */
  async moved(id: string, server: string): Promise<void> {
    return this.#own.moved(id, server);
  }

  /** Something about the player changed. Rejects with PLAYER_NOT_FOUND, LABELS_INVALID or PLAYER_INVALID. */
  async changed(id: string, change: PlayerFactsChange): Promise<void> {
    return this.#own.changed(id, change);
  }

  /**
   * The player left. The call does nothing for a player who is not in, since they were evicted. While they log
   * in again, it reports that their older connection left.
   */
  async left(id: string, reason: 'QUIT' | 'KICKED' = 'QUIT'): Promise<void> {
    return this.#own.left(id, reason);
  }

  get #own(): ProxyPlayers {
    if (this.#proxy) return this.#proxy;
    throw holdsNoPlayers();
  }
}
