/** RoutingService: the rules by which players find a server, as messages of the contract. */
import { FallbackReason, RoutingOccasion } from '../../../gen/ts/kelpie/v1/routing.js';
import {
  ExplainRoutingRequest,
  type ExplainRoutingResponse,
  type GetRoutingResponse,
  RoutingServiceDefinition,
  type SetRoutingResponse,
} from '../../../gen/ts/kelpie/v1/routing_service.js';
import { oneOf, text, texts, whole } from '../../core/arguments.js';
import { type Fields, known } from '../../core/known.js';
import { type RoutingRule, wireTableOf } from '../../core/routing.js';
import { fallbackReasonOf, type FallbackReasonName } from '../../core/spelling.js';
import type { PlayerLookup } from '../../roster/players.js';
import { lookupOf } from '../../transfers/target.js';
import { type CallOptions, callOptions, type CreateService, type Service } from '../call.js';

/** The options of `set`. */
export interface SetRoutingOptions extends CallOptions {
  /**
   * The sequence that `get` answered: the coordinator stores nothing if another writer was faster
   * (SEQUENCE_CONFLICT). Without it the new rules replace the present ones.
   */
  readonly expectedSequence?: number;
}

/** Describes a player who needs a server. A field that is left out is not known. */
export interface ExplainOptions {
  /** `join`, the default, or `fallback`: the player loses their server. */
  readonly for?: 'join' | 'fallback';
  /** The reason of a fallback. */
  readonly reason?: FallbackReasonName;
  /** A player who is online: their properties and their server count where this has none. */
  readonly player?: PlayerLookup;
  /** The host name that the player connected to. */
  readonly host?: string;
  /** The properties of the player. */
  readonly playerProperties?: Readonly<Record<string, string>>;
  /** The server that the player comes from. */
  readonly fromServer?: string;
  /** The server that the player was on last, for STICKY. */
  readonly lastServer?: string;
  /** Rules to try instead of those of the network. */
  readonly rules?: readonly RoutingRule[];
}

const FIELDS: Fields<ExplainOptions> = {
  for: 1,
  reason: 1,
  player: 1,
  host: 1,
  playerProperties: 1,
  fromServer: 1,
  lastServer: 1,
  rules: 1,
};
const OCCASIONS = { join: RoutingOccasion.JOIN, fallback: RoutingOccasion.FALLBACK };

/** The calls of `api.routing`, with answers as the contract has them. */
export class RoutingMessages {
  readonly #service: Service<typeof RoutingServiceDefinition>;

  /** @internal */
  constructor(create: CreateService) {
    this.#service = create(RoutingServiceDefinition);
  }

  async get(options: CallOptions = {}): Promise<GetRoutingResponse> {
    return this.#service.getRouting({}, callOptions(options));
  }

  async set(
    rules: readonly RoutingRule[],
    { expectedSequence, ...options }: SetRoutingOptions = {},
  ): Promise<SetRoutingResponse> {
    const request = {
      table: wireTableOf(rules),
      expectedSequence:
        expectedSequence === undefined ? undefined : whole('expectedSequence', expectedSequence),
    };
    return this.#service.setRouting(request, callOptions(options));
  }

  async explain(
    player: ExplainOptions = {},
    options: CallOptions = {},
  ): Promise<ExplainRoutingResponse> {
    return this.#service.explainRouting(requestOf(player), callOptions(options));
  }
}

function requestOf(given: ExplainOptions): ExplainRoutingRequest {
  const {
    for: occasion = 'join',
    player,
    rules,
    reason,
    ...facts
  } = known('the options', given, FIELDS);
  const { host = '', playerProperties = {}, fromServer = '', lastServer = '' } = facts;
  return ExplainRoutingRequest.create({
    occasion: OCCASIONS[oneOf<keyof typeof OCCASIONS>('for', occasion, OCCASIONS)],
    reason: reason === undefined ? FallbackReason.UNSPECIFIED : fallbackReasonOf(reason),
    player: player && lookupOf(player),
    host: text('host', host),
    playerProperties: texts('playerProperties', playerProperties),
    fromServer: text('fromServer', fromServer),
    lastServer: text('lastServer', lastServer),
    table: rules && wireTableOf(rules),
  });
}
