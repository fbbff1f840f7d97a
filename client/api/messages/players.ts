/** PlayerService: the players who are online, with answers as the contract has them. */
import type { Player } from '../../../gen/ts/kelpie/v1/player.js';
import {
  type BatchGetPlayersResponse,
  type CountPlayersResponse,
  type KickPlayersResponse,
  type ListPlayersResponse,
  PlayerServiceDefinition,
  type ShowMessageResponse,
} from '../../../gen/ts/kelpie/v1/player_service.js';
import { type Selector, selectorOf } from '../../commands/commands.js';
import type { TransferUpdate as WireUpdate } from '../../../gen/ts/kelpie/v1/transfer.js';
import { type Display, displayOf } from '../../commands/display.js';
import { invalid, shown } from '../../core/arguments.js';
import { type Fields, known } from '../../core/known.js';
import { fromThrown, KelpieError } from '../../errors.js';
import type { PlayerLookup } from '../../roster/players.js';
import type { Destination } from '../../transfers/destination.js';
import { TRANSFER_MS, type TransferOptions, transferOf } from '../../transfers/request.js';
import { outcomeUnknown } from '../../transfers/transfers.js';
import { lookupOf, playersOf, type PlayersTarget } from '../../transfers/target.js';
import {
  type CallOptions,
  callOptions,
  commandCall,
  type CreateService,
  type Service,
} from '../call.js';
import { type PageOptions, pageSizeOf } from '../paging.js';

/** The facts of each player in an answer. */
export interface ContextOption {
  /** Whether players have their `context`, which may be 16 KiB each. Default false: it is empty. */
  readonly includeContext?: boolean;
}

/** Players who match each of these; a filter that is left out matches any. */
export interface PlayerFilter extends ContextOption {
  /** The proxy that holds them. */
  readonly proxy?: string;
  /** The server that they are on. */
  readonly server?: string;
  /** Labels that their server has. */
  readonly serverLabels?: Readonly<Record<string, string>>;
  /** How their names begin, in any case. The list is then in the order of names, and not of ids. */
  readonly namePrefix?: string;
  /** Properties that they have. The coordinator has no index of them: it looks at each other match. */
  readonly properties?: Readonly<Record<string, string>>;
}

/** Which players a call counts. */
export interface CountFilter {
  /** The nodes to count on. Default: all. */
  readonly nodes?: Selector;
  /** Count only players who have these properties. */
  readonly properties?: Readonly<Record<string, string>>;
}

/** The options of a call that reaches players. */
export interface ReachOptions extends CallOptions {
  /** How long the proxies have, in milliseconds: at most 300,000. Default 10,000. */
  readonly timeoutMs?: number;
}

/** The options of a call that moves players. */
export interface TransferCallOptions extends Omit<CallOptions, 'timeoutMs'>, TransferOptions {}

const TRANSFER_FIELDS: Fields<TransferCallOptions> = {
  context: 1,
  timeoutMs: 1,
  reservation: 1,
  signal: 1,
  metadata: 1,
};

/** The calls of `api.players`, with answers as the contract has them. */
export class PlayerMessages {
  readonly #service: Service<typeof PlayerServiceDefinition>;

  /** @internal */
  constructor(create: CreateService) {
    this.#service = create(PlayerServiceDefinition);
  }

  async get(player: PlayerLookup, options: CallOptions = {}): Promise<Player> {
    const request = { player: lookupOf(player) };
    const answer = await this.#service.getPlayer(request, callOptions(options));
    if (answer.player) return answer.player;
    throw new KelpieError('PROTOCOL', 'the coordinator answered without the player');
  }

  async getMany(
    players: readonly PlayerLookup[],
    options: CallOptions & ContextOption = {},
  ): Promise<BatchGetPlayersResponse> {
    const { includeContext = false, ...more } = options;
    if (!Array.isArray(players)) {
      throw invalid(`players is ${shown(players)}; it must be a list`, 'players');
    }
    const request = { players: players.map(lookupOf), includeContext };
    return this.#service.batchGetPlayers(request, callOptions(more));
  }

  async list(
    filter: PlayerFilter & PageOptions = {},
    options: CallOptions = {},
  ): Promise<ListPlayersResponse> {
    const request = { ...filter, pageSize: pageSizeOf(filter.pageSize) };
    return this.#service.listPlayers(request, callOptions(options));
  }

  async count(filter: CountFilter = {}, options: CallOptions = {}): Promise<CountPlayersResponse> {
    const { nodes = {}, properties = {} } = filter;
    const request = { nodes: selectorOf(nodes), properties };
    return this.#service.countPlayers(request, callOptions(options));
  }

  async kick(
    target: PlayersTarget,
    message = '',
    options: ReachOptions = {},
  ): Promise<KickPlayersResponse> {
    const [timeout, call] = commandCall(options);
    return this.#service.kickPlayers({ target: playersOf(target), message, timeout }, call);
  }

  async show(
    target: PlayersTarget,
    display: Display,
    options: ReachOptions = {},
  ): Promise<ShowMessageResponse> {
    const [timeout, call] = commandCall(options);
    const request = { target: playersOf(target), display: displayOf(display), timeout };
    return this.#service.showMessage(request, call);
  }

  async *transfer(
    target: PlayersTarget,
    destination: Destination,
    options: TransferCallOptions = {},
  ): AsyncGenerator<WireUpdate, void> {
    const what = 'the options object of transfer';
    const given = known(what, options, TRANSFER_FIELDS);
    const { context, reservation, timeoutMs = TRANSFER_MS, ...more } = given;
    const [timeout, call] = commandCall({ ...more, timeoutMs });
    const request = transferOf(target, destination, { context, reservation });
    let newest: WireUpdate | undefined;
    try {
      const answers = this.#service.transferPlayers({ ...request, timeout }, call);
      for await (const { update } of answers) {
        if (!update) continue;
        newest = update;
        yield update;
      }
    } catch (thrown) {
      const error = fromThrown(thrown);
      if (error.reason !== 'UNAVAILABLE' || !newest) throw error;
      if (!newest.last) throw outcomeUnknown(newest.playersLeft);
    }
  }
}
