/** PlayerService: the players who are online. */
import type { Cursor } from '../../gen/ts/kelpie/v1/cursor.js';
import type { Player, PlayerLookup as WireLookup } from '../../gen/ts/kelpie/v1/player.js';
import type { KickPlayersResponse } from '../../gen/ts/kelpie/v1/player_service.js';
import type { PlayerResult } from '../commands/commands.js';
import type { Display } from '../commands/display.js';
import { playerResultOf } from '../commands/replies.js';
import { type RoleName, roleNameOf } from '../core/spelling.js';
import type { PlayerLookup } from '../roster/players.js';
import type { Destination } from '../transfers/destination.js';
import type { PlayersTarget } from '../transfers/target.js';
import { type TransferUpdate, updateOf } from '../transfers/updates.js';
import type { CallOptions } from './call.js';
import type {
  ContextOption,
  CountFilter,
  PlayerFilter,
  PlayerMessages,
  ReachOptions,
  TransferCallOptions,
} from './messages/players.js';
import { type PageOptions, pagesOf } from './paging.js';

/** A page of players. */
export interface PlayerPage {
  /** By id; by name if the filter has `namePrefix`. */
  readonly players: readonly Player[];
  /** The `pageToken` of the next page; empty if this is the last one. */
  readonly nextPageToken: string;
  /** Watching `players.*` after the cursor of the first page misses nothing. */
  readonly cursor: Cursor | undefined;
}

/** The players whom many look-ups found. */
export interface FoundPlayers {
  readonly players: readonly Player[];
  /** Look-ups that found nobody. */
  readonly missing: readonly PlayerLookup[];
  /** Look-ups by a name that several players have in different case, with the players' ids. */
  readonly ambiguous: readonly {
    readonly lookup: PlayerLookup;
    readonly playerIds: readonly string[];
  }[];
  /** Look-ups for which the answer had no room; ask again for them. */
  readonly leftOut: readonly PlayerLookup[];
  /** A position that the players are not older than. */
  readonly cursor: Cursor | undefined;
}

/** How many players are online. */
export interface PlayerCount {
  /** In the whole network. */
  readonly network: number;
  /** On the nodes that were asked for, each player once. */
  readonly selected: number;
  /** On each of these nodes, by name. */
  readonly nodes: readonly {
    readonly name: string;
    readonly role: RoleName | 'UNKNOWN';
    readonly players: number;
  }[];
  /** How many nodes `nodes` does not have, because the answer had no room for them. */
  readonly nodesLeftOut: number;
}

/** The results of a call for players. */
export interface PlayersReached {
  readonly succeeded: number;
  readonly failed: number;
  /** One for each player. */
  readonly outcomes: readonly PlayerResult[];
}

/** The calls for players. */
export class PlayersApi {
  readonly #messages: PlayerMessages;

  /** @internal */
  constructor(messages: PlayerMessages) {
    this.#messages = messages;
  }

  /** One player. Rejects with PLAYER_NOT_FOUND, PLAYER_AMBIGUOUS or PLAYER_INVALID. */
  async get(player: PlayerLookup, options: CallOptions = {}): Promise<Player> {
    return this.#messages.get(player, options);
  }

  /** Many players, 1 to 1,000. The answer lists the look-ups that find nobody, or several players. */
  async getMany(
    players: readonly PlayerLookup[],
    options: CallOptions & ContextOption = {},
  ): Promise<FoundPlayers> {
    const { missing, ambiguous, leftOut, ...found } = await this.#messages.getMany(
      players,
      options,
    );
    return {
      ...found,
      missing: missing.flatMap(lookupOf),
      ambiguous: ambiguous.flatMap(({ lookup, playerIds }) =>
        lookupOf(lookup).map((one) => ({ lookup: one, playerIds })),
      ),
      leftOut: leftOut.flatMap(lookupOf),
    };
  }

  /** One page of the players who match; without a filter, of all. */
  async list(
    filter: PlayerFilter & PageOptions = {},
    options: CallOptions = {},
  ): Promise<PlayerPage> {
    return this.#messages.list(filter, options);
  }

  /** All pages. Each has the cursor of the first one: watching `players.*` from there misses nothing. */
  pages(
    filter: PlayerFilter & { readonly pageSize?: number } = {},
    options: CallOptions = {},
  ): AsyncGenerator<PlayerPage, void> {
    return pagesOf((pageToken) => this.list({ ...filter, pageToken }, options));
  }

  /** All players who match. */
  async *all(filter: PlayerFilter = {}, options: CallOptions = {}): AsyncGenerator<Player, void> {
    const pages = this.pages({ ...filter, pageSize: 1000 }, options);
    for await (const { players } of pages) yield* players;
  }

  /** How many players are online, in all and on each node that matches. */
  async count(filter: CountFilter = {}, options: CallOptions = {}): Promise<PlayerCount> {
    const { nodes, ...counted } = await this.#messages.count(filter, options);
    return { ...counted, nodes: nodes.map((one) => ({ ...one, role: roleNameOf(one.role) })) };
  }

  /**
   * Disconnects players, who see the message. For one player it rejects if they are not kicked; for many, the
   * answer has what became of each.
   */
  async kick(
    target: PlayersTarget,
    message = '',
    options: ReachOptions = {},
  ): Promise<PlayersReached> {
    return reached(await this.#messages.kick(target, message, options));
  }

  /** Shows players something. It rejects as `kick` does. */
  async show(
    target: PlayersTarget,
    display: Display,
    options: ReachOptions = {},
  ): Promise<PlayersReached> {
    return reached(await this.#messages.show(target, display, options));
  }

  /**
   * Moves players, and gives the progress and the end of each transfer as it comes. A caller who ends the call does not
   * end the transfers. For one player it throws if they do not arrive, after the update that has the same error. Throws
   * PLAYER_NOT_FOUND, NO_TARGET, NODE_NOT_FOUND, NO_PUBLIC_ADDRESS and the other reasons of TransferPlayers, and
   * OUTCOME_UNKNOWN if the connection breaks before all transfers have ended.
   */
  async *transfer(
    target: PlayersTarget,
    destination: Destination,
    options: TransferCallOptions = {},
  ): AsyncGenerator<TransferUpdate, void> {
    for await (const update of this.#messages.transfer(target, destination, options))
      yield updateOf(update);
  }
}

function reached({ succeeded, failed, outcomes }: KickPlayersResponse): PlayersReached {
  return { succeeded, failed, outcomes: outcomes.map(playerResultOf) };
}

/** None if it looks players up in a way that this version does not know. */
function lookupOf(lookup: WireLookup | undefined): PlayerLookup[] {
  const by = lookup?.by;
  switch (by?.$case) {
    case 'id':
      return [{ id: by.value }];
    case 'xuid':
      return [{ xuid: by.value }];
    case 'uuid':
      return [{ uuid: by.value }];
    case 'name':
      return [{ name: by.value }];
    case undefined:
      return [];
  }
}
