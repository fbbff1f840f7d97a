/** RoutingService: the rules by which players find a server. */
import type { Cursor } from '../../gen/ts/kelpie/v1/cursor.js';
import { RoutingTable } from '../../gen/ts/kelpie/v1/routing.js';
import type { ExplainedRule as WireRule } from '../../gen/ts/kelpie/v1/routing_service.js';
import { type RoutingRule, rulesOf } from '../core/routing.js';
import { type VerdictName, verdictNameOf } from '../core/spelling.js';
import type { CallOptions } from './call.js';
import type { ExplainOptions, RoutingMessages, SetRoutingOptions } from './messages/routing.js';

/** The rules, and when they were set. */
export interface StoredRouting {
  /** In the order of the table. Empty: the server with the fewest players takes every player. */
  readonly rules: readonly RoutingRule[];
  /** The sequence of the entry that last wrote the rules. 0: nobody has set any. */
  readonly sequence: number;
  /** Watching `routing` after it misses no change. */
  readonly cursor: Cursor | undefined;
}

/** A pick, and what each rule meant for it. */
export interface Explanation {
  /** The server; undefined: no server is open. */
  readonly server: string | undefined;
  /** The rule that decided; empty if none did, or if there are no rules. */
  readonly rule: string;
  /** Whether the server is UNREACHABLE, since no server was open. */
  readonly lastResort: boolean;
  /** The rules in the order in which they counted. */
  readonly rules: readonly ExplainedRule[];
  /** The sequence of the rules. 0: nobody has set any, or they are those of the request. */
  readonly sequence: number;
}

/** The part of a rule in a pick. */
export interface ExplainedRule {
  readonly name: string;
  /** Whether the condition holds. */
  readonly holds: boolean;
  /** Which part of the condition does not hold, for people. */
  readonly whyNot: string;
  /** The servers that the rule selects, by name, at most 100; none if the condition does not hold. */
  readonly servers: readonly ExplainedServer[];
  readonly serversLeftOut: number;
}

/** The part of a server in a pick. */
export interface ExplainedServer {
  readonly name: string;
  /** Players and reserved slots. */
  readonly players: number;
  readonly verdict: VerdictName;
}

/** The calls for the routing rules. */
export class RoutingApi {
  readonly #messages: RoutingMessages;

  /** @internal */
  constructor(messages: RoutingMessages) {
    this.#messages = messages;
  }

  /** The rules. */
  async get(options: CallOptions = {}): Promise<StoredRouting> {
    const { table, ...stored } = await this.#messages.get(options);
    return { rules: rulesOf(table ?? RoutingTable.create()), ...stored };
  }

  /**
   * Replaces all rules. Resolves with their sequence. Rejects with ROUTING_INVALID, LABELS_INVALID, NODE_NAME_INVALID,
   * OUT_OF_RANGE or SEQUENCE_CONFLICT.
   *
   * @example
   * const { rules, sequence } = await api.routing.get();
   * const lobbies = { name: 'lobbies', to: { labels: { mode: 'lobby' } } };
   * await api.routing.set([...rules, lobbies], { expectedSequence: sequence });
   */
  async set(
    rules: readonly RoutingRule[],
    options: SetRoutingOptions = {},
  ): Promise<Omit<StoredRouting, 'rules'>> {
    return this.#messages.set(rules, options);
  }

  /**
   * Picks a server for a player and explains the pick. It changes nothing. Rejects with PLAYER_NOT_FOUND,
   * PLAYER_AMBIGUOUS, PLAYER_INVALID, OUT_OF_RANGE, and the errors of `set`.
   */
  async explain(player: ExplainOptions = {}, options: CallOptions = {}): Promise<Explanation> {
    const { server, rules, ...rest } = await this.#messages.explain(player, options);
    return { ...rest, server: server === '' ? undefined : server, rules: rules.map(explained) };
  }
}

function explained({ servers, ...rule }: WireRule): ExplainedRule {
  const named = servers.map((one) => ({ ...one, verdict: verdictNameOf(one.verdict) }));
  return { ...rule, servers: named };
}
