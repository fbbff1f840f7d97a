/**
 * Picks a server for a player by the rules of the network, as routing.proto states. The pick is a function of its
 * inputs alone. The coordinator has one of its own, and test/contract/routing holds both to the same scenarios.
 */
import { NodeState } from '../../gen/ts/kelpie/v1/node.js';
import {
  type RoutingCondition,
  RoutingOccasion,
  RoutingRule,
  RoutingStrategy,
  type RoutingTable,
  type ServerSelector,
} from '../../gen/ts/kelpie/v1/routing.js';

type Texts = Readonly<Record<string, string>>;

/** A server that may be picked. */
export interface Candidate {
  readonly name: string;
  readonly labels: Texts;
  readonly state: NodeState;
  readonly lastState: NodeState;
  readonly drained: boolean;
  readonly maxPlayers: number | undefined;
  /** Players and reserved slots together. */
  readonly used: number;
}

/** The player who needs a server, and why. Names are in lower case, and empty if there is none. */
export interface Need {
  readonly occasion: RoutingOccasion;
  readonly reason: number;
  readonly host: string;
  readonly properties: Texts;
  readonly from: string;
  readonly lastServer: string;
  /** A number of 32 bits that the picker drew. */
  readonly random: number;
  /** The number of picks by this rule before. */
  readonly turns: (rule: string) => number;
}

/** The server for a player. */
export interface PickedServer {
  /** The name of the server. */
  readonly server: string;
  /** The name of the rule that decided; empty if the network has no rules. */
  readonly rule: string;
  /** Whether the server is UNREACHABLE: no other one takes players, and this one may come back. */
  readonly lastResort: boolean;
}

type Test = (need: Need, from: Candidate | undefined) => boolean;

/** A rule that is ready for picks: its tests, and its servers by name. */
interface Ready {
  readonly rule: RoutingRule;
  readonly tests: readonly Test[];
  servers?: readonly Candidate[];
}

export class Rules {
  readonly #ready: readonly Ready[];
  readonly #servers: readonly Candidate[];
  readonly #byName: ReadonlyMap<string, Candidate>;

  /** The order of the servers does not matter. */
  constructor({ rules }: RoutingTable, servers: Iterable<Candidate>) {
    const all = rules.length === 0 ? [RoutingRule.create()] : rules;
    this.#ready = all
      .map((rule) => ({ rule, tests: [...testsOf(rule.when)] }))
      .sort((left, right) => right.rule.priority - left.rule.priority);
    this.#servers = Array.from(servers).sort((left, right) => (left.name < right.name ? -1 : 1));
    this.#byName = new Map(this.#servers.map((server) => [server.name, server]));
  }

  /** The server for this player; undefined if there is none. */
  pick(need: Need): PickedServer | undefined {
    const from = this.#byName.get(need.from);
    const left = need.occasion === RoutingOccasion.FALLBACK ? from : undefined;
    let lost: PickedServer | undefined;
    for (const ready of this.#ready) {
      if (!ready.tests.every((test) => test(need, from))) continue;
      const servers = this.#serversOf(ready);
      const open = best(servers, ready.rule, need, left, NodeState.READY);
      if (open) return { server: open.name, rule: ready.rule.name, lastResort: false };
      if (lost) continue;
      const found = best(servers, ready.rule, need, left, NodeState.UNREACHABLE);
      lost = found && { server: found.name, rule: ready.rule.name, lastResort: true };
    }
    return lost;
  }

  #serversOf(ready: Ready): readonly Candidate[] {
    const { to } = ready.rule;
    ready.servers ??= to ? this.#servers.filter((server) => isIn(to, server)) : this.#servers;
    return ready.servers;
  }
}

function* testsOf(when: RoutingCondition | undefined): Generator<Test> {
  if (!when) return;
  const { occasions, fallbackReasons, playerProperties, from: selector } = when;
  if (occasions.length > 0) yield ({ occasion }) => (occasions as number[]).includes(occasion);
  if (fallbackReasons.length > 0)
    yield ({ occasion, reason }) =>
      occasion === RoutingOccasion.FALLBACK && (fallbackReasons as number[]).includes(reason);
  const hosts = when.hosts.map((host) => host.toLowerCase());
  if (hosts.length > 0) yield ({ host }) => hosts.some((one) => isHost(one, host.toLowerCase()));
  const wanted = Object.entries(playerProperties);
  if (wanted.length > 0) yield ({ properties }) => hasAll(properties, wanted);
  if (selector) yield (_, from) => from !== undefined && isIn(selector, from);
}

function isHost(wanted: string, host: string): boolean {
  return host === wanted || (wanted.startsWith('*.') && host.endsWith(wanted.slice(1)));
}

function isIn({ labels, names }: ServerSelector, server: Candidate): boolean {
  const isNamed = names.length === 0 || names.some((name) => name.toLowerCase() === server.name);
  return isNamed && hasAll(server.labels, Object.entries(labels));
}

function hasAll(texts: Texts, wanted: readonly (readonly [string, string])[]): boolean {
  return wanted.every(([name, value]) => Object.hasOwn(texts, name) && texts[name] === value);
}

/** Whether a server in this state may take one player more by the rule. */
function takes(
  { state, lastState, drained, maxPlayers, used }: Candidate,
  { limit }: RoutingRule,
  wanted: NodeState,
): boolean {
  if (state !== wanted || drained) return false;
  if (wanted === NodeState.UNREACHABLE && lastState !== NodeState.READY) return false;
  return (maxPlayers === undefined || used < maxPlayers) && (limit === 0 || used < limit);
}

/** The server that the strategy of the rule prefers. `left`: the server that the player must not come back to. */
function best(
  servers: readonly Candidate[],
  rule: RoutingRule,
  { lastServer, random, turns }: Need,
  left: Candidate | undefined,
  wanted: NodeState,
): Candidate | undefined {
  const { STICKY, MOST_PLAYERS, RANDOM, ROUND_ROBIN } = RoutingStrategy;
  const fits = (server: Candidate): boolean => server !== left && takes(server, rule, wanted);
  if (rule.strategy === STICKY && lastServer !== '') {
    const last = servers.find(({ name }) => name === lastServer);
    if (last && fits(last)) return last;
  }
  switch (rule.strategy === STICKY ? rule.otherwise : rule.strategy) {
    case RANDOM:
      return nth(servers.filter(fits), random);
    case ROUND_ROBIN:
      return nth(servers.filter(fits), turns(rule.name));
    case MOST_PLAYERS:
      return extreme(servers, fits, -1);
    default:
      return extreme(servers, fits, 1);
  }
}

function nth(servers: readonly Candidate[], index: number): Candidate | undefined {
  return servers.length === 0 ? undefined : servers[index % servers.length];
}

/** The fullest server (sign -1) or the emptiest one (sign 1); of equal ones the first. */
function extreme(
  servers: readonly Candidate[],
  fits: (server: Candidate) => boolean,
  sign: 1 | -1,
): Candidate | undefined {
  let found: Candidate | undefined;
  for (const server of servers) {
    const isBetter = !found || sign * server.used < sign * found.used;
    if (isBetter && fits(server)) found = server;
  }
  return found;
}
