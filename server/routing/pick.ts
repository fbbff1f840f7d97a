/**
 * Picks a server for a player by the rules of a RoutingTable, as routing.proto states. The pick is a function of
 * its inputs alone. The client has one of its own, and test/contract/routing holds both to the same scenarios.
 */
import { NodeState } from '../../gen/ts/kelpie/v1/node.js';
import {
  FallbackReason,
  RoutingOccasion,
  RoutingRule,
  RoutingStrategy,
  type ServerSelector,
  type RoutingCondition,
  type RoutingTable,
} from '../../gen/ts/kelpie/v1/routing.js';
import type { ServerList } from './server-list.js';

/** A server as a pick sees it. */
export interface Server {
  readonly name: string;
  readonly state: NodeState;
  readonly lastState: NodeState;
  readonly drained: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly maxPlayers?: number | undefined;
  readonly players: number;
  /** Slots that reservations hold. */
  readonly reserved: number;
}

/** A player who needs a server. */
export interface PickRequest {
  readonly occasion: RoutingOccasion;
  readonly reason?: FallbackReason;
  readonly host?: string;
  readonly playerProperties?: Readonly<Record<string, string>>;
  /** The server that the player comes from. */
  readonly fromServer?: string;
  /** The server that the player was on last. */
  readonly lastServer?: string;
  /** The number of slots that must be free. Default 1. */
  readonly slots?: number;
  /** A number of 32 bits that the picker drew. */
  readonly random: number;
  /** The number of picks that the picker made by this rule before. */
  readonly turns: (rule: string) => number;
}

/** The result of a pick. */
export interface Picked {
  /** Not set: no rule has a server. */
  readonly server?: string;
  /** The rule that decided. Empty: none, or the table has no rules. */
  readonly rule: string;
  /** Whether the server is UNREACHABLE, since no server was open. */
  readonly lastResort: boolean;
}

/** A part of a condition. */
export type Part = keyof RoutingCondition;

/** Why a server takes a player, or does not. */
export type Standing = 'OPEN' | 'UNREACHABLE' | 'FULL' | 'NOT_READY' | 'SOURCE';

const NOTHING: Picked = { rule: '', lastResort: false };
const ALWAYS: RoutingTable = { rules: [RoutingRule.create()] };

/** A part of a condition, and whether it holds. */
type Check = readonly [
  part: Part,
  holds: (request: PickRequest, from: Server | undefined) => boolean,
];

/** A rule with the servers that it selects, in the order of their names. */
export class PlannedRule {
  readonly rule: RoutingRule;
  readonly #all: ServerList<Server>;
  readonly #checks: readonly Check[];
  #servers: readonly Server[] | undefined;

  constructor(rule: RoutingRule, all: ServerList<Server>) {
    this.rule = rule;
    this.#all = all;
    this.#checks = rule.when ? [...checksOf(rule.when)] : [];
  }

  get servers(): readonly Server[] {
    return (this.#servers ??= serversOf(this.rule.to, this.#all));
  }

  /** The part of the condition that does not hold; undefined: the condition holds. */
  failing(request: PickRequest, from: Server | undefined): Part | undefined {
    for (const [part, holds] of this.#checks) if (!holds(request, from)) return part;
    return undefined;
  }
}

/** The parts of a condition that are not empty. */
function* checksOf({
  occasions,
  fallbackReasons,
  hosts,
  playerProperties,
  from: wanted,
}: RoutingCondition): Generator<Check> {
  if (occasions.length > 0) yield ['occasions', ({ occasion }) => occasions.includes(occasion)];
  if (fallbackReasons.length > 0) {
    const isOne = (reason: FallbackReason = FallbackReason.UNSPECIFIED): boolean =>
      fallbackReasons.includes(reason);
    yield ['fallbackReasons', (request) => isFallback(request) && isOne(request.reason)];
  }
  if (hosts.length > 0) {
    const isHost = hostMatcher(hosts);
    yield ['hosts', ({ host = '' }) => isHost(host.toLowerCase())];
  }
  if (Object.keys(playerProperties).length > 0) {
    yield [
      'playerProperties',
      (request) => hasAll(request.playerProperties ?? {}, playerProperties),
    ];
  }
  if (wanted) yield ['from', (_, from) => from !== undefined && selects(wanted, from)];
}

function hostMatcher(hosts: readonly string[]): (host: string) => boolean {
  const names = new Set(hosts.map((host) => host.toLowerCase()));
  const domains = [...names].filter((host) => host.startsWith('*.')).map((host) => host.slice(1));
  return (host) => names.has(host) || domains.some((domain) => host.endsWith(domain));
}

function isFallback({ occasion }: PickRequest): boolean {
  return occasion === RoutingOccasion.FALLBACK;
}

/** The rules in the order in which they count, and the servers by name. It may serve many picks. */
export interface Plan {
  readonly rules: readonly PlannedRule[];
  readonly servers: ServerList<Server>;
}

/** Prepares picks. */
export function planOf(table: RoutingTable, servers: ServerList<Server>): Plan {
  const { rules } = table.rules.length > 0 ? table : ALWAYS;
  // The sort is stable: rules of one priority stay in the order of the table.
  const ordered = [...rules].sort((left, right) => right.priority - left.priority);
  return {
    rules: ordered.map((rule) => new PlannedRule(rule, servers)),
    servers,
  };
}

/** Picks a server for a player. */
export function pick(plan: Plan, request: PickRequest): Picked {
  const pieces = picking(plan, request);
  for (;;) {
    const { done, value } = pieces.next();
    if (done) return value;
  }
}

/** The same pick in pieces: many rules of many servers take more than one turn. */
export function* picking(plan: Plan, request: PickRequest): Generator<undefined, Picked> {
  const from = sourceOf(plan, request);
  for (const wanted of ['OPEN', 'UNREACHABLE'] as const) {
    for (const planned of plan.rules) {
      if (planned.failing(request, from)) continue;
      yield;
      const fits = (server: Server): boolean =>
        standingFor(server, planned.rule, request, from) === wanted;
      const server = choose(planned, fits, request);
      if (!server) continue;
      return { server, rule: planned.rule.name, lastResort: wanted === 'UNREACHABLE' };
    }
  }
  return NOTHING;
}

/** One of the servers that match, by a strategy, without the rules of the network. */
export function select(
  servers: ServerList<Server>,
  by: { readonly servers?: ServerSelector | undefined; readonly strategy: RoutingStrategy },
  request: Pick<PickRequest, 'random' | 'slots' | 'lastServer'> & { readonly turn?: number },
): Picked {
  const rule = RoutingRule.create({ to: by.servers, strategy: by.strategy });
  const occasion = RoutingOccasion.UNSPECIFIED;
  const turns = (): number => request.turn ?? 0;
  return pick(planOf({ rules: [rule] }, servers), { ...request, occasion, turns });
}

/** The server that the player comes from, if it is a server of the network. */
export function sourceOf(plan: Plan, { fromServer = '' }: PickRequest): Server | undefined {
  return fromServer === '' ? undefined : plan.servers.get(fromServer.toLowerCase());
}

/** Whether a rule may pick the server for this player. */
export function standingFor(
  server: Server,
  { limit }: RoutingRule,
  request: PickRequest,
  from: Server | undefined,
): Standing {
  if (server === from && isFallback(request)) return 'SOURCE';
  return standingOf(server, request.slots, limit);
}

/** Whether the server has room for so many players more. `limit`: of a rule; 0: the rule has none. */
export function standingOf(server: Server, slots = 1, limit = 0): Standing {
  const { state, lastState, drained } = server;
  const isLost = state === NodeState.UNREACHABLE;
  if (drained || (isLost ? lastState : state) !== NodeState.READY) return 'NOT_READY';
  if (usedSlots(server) + slots > roomOf(server, limit)) return 'FULL';
  return isLost ? 'UNREACHABLE' : 'OPEN';
}

/** The most players and reserved slots of a server. `limit`: of a rule; 0: the rule has none. */
export function roomOf({ maxPlayers = Infinity }: Server, limit = 0): number {
  return Math.min(maxPlayers, limit > 0 ? limit : Infinity);
}

/** The players and the reserved slots of a server. */
export function usedSlots({ players, reserved }: Server): number {
  return players + reserved;
}

/** The servers that the selector has, in the order of their names. */
export function serversOf(
  selector: ServerSelector | undefined,
  all: ServerList<Server>,
): readonly Server[] {
  if (!selector) return all.inOrder;
  const { names } = selector;
  const named = [...new Set(names.map((name) => name.toLowerCase()))].sort();
  const candidates = names.length > 0 ? named.flatMap((name) => all.get(name) ?? []) : all.inOrder;
  return candidates.filter((server) => hasAll(server.labels, selector.labels));
}

/** Whether the selector has this server. */
export function selects(selector: ServerSelector | undefined, server: Server): boolean {
  if (!selector) return true;
  const { names, labels } = selector;
  if (names.length > 0 && !names.some((name) => name.toLowerCase() === server.name)) return false;
  return hasAll(server.labels, labels);
}

function hasAll(
  present: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): boolean {
  for (const name in wanted) {
    if (!Object.hasOwn(present, name) || present[name] !== wanted[name]) return false;
  }
  return true;
}

/** The name of the server that the strategy of a rule prefers. */
function choose(
  { rule, servers }: PlannedRule,
  fits: (server: Server) => boolean,
  { random, turns, lastServer = '' }: PickRequest,
): string | undefined {
  let { strategy } = rule;
  if (strategy === RoutingStrategy.STICKY) {
    const last = lastServer.toLowerCase();
    if (last !== '' && servers.some((one) => one.name === last && fits(one))) return last;
    strategy = rule.otherwise;
  }
  switch (strategy) {
    case RoutingStrategy.MOST_PLAYERS:
      return first(servers, fits, (server) => -usedSlots(server));
    case RoutingStrategy.RANDOM:
      return at(servers.filter(fits), random);
    case RoutingStrategy.ROUND_ROBIN:
      return at(servers.filter(fits), turns(rule.name));
    default:
      return first(servers, fits, usedSlots);
  }
}

/** The fitting server with the lowest rank. Of equal ranks the first in order counts. */
function first(
  servers: readonly Server[],
  fits: (server: Server) => boolean,
  rankOf: (server: Server) => number,
): string | undefined {
  let best: Server | undefined;
  let bestRank = Infinity;
  for (const server of servers) {
    const rank = rankOf(server);
    if (rank >= bestRank || !fits(server)) continue;
    best = server;
    bestRank = rank;
  }
  return best?.name;
}

function at(servers: readonly Server[], index: number): string | undefined {
  return servers.length > 0 ? servers[index % servers.length]?.name : undefined;
}
