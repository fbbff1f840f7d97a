/** The routing rules in the form of programs, and in the form of the contract. Pure. */
import {
  FallbackReason,
  RoutingCondition as WireCondition,
  RoutingOccasion,
  RoutingRule as WireRule,
  type RoutingTable as WireTable,
  RoutingStrategy,
  type ServerSelector as WireSelector,
} from '../../gen/ts/kelpie/v1/routing.js';
import { invalid, oneOf, shown, text, textList, texts, UINT32, whole } from './arguments.js';
import { type Fields, known } from './known.js';
import { type ServerSelector, serverSelectorOf } from './server-selector.js';
import {
  type FallbackReasonName,
  fallbackReasonNameOf,
  type OccasionName,
  occasionNameOf,
  type StrategyName,
  strategyNameOf,
  strategyOf,
} from './spelling.js';

/** When a rule counts: all parts hold. A part that is left out always holds. */
export interface RoutingCondition {
  /** The occasion is one of these. */
  readonly occasions?: readonly (OccasionName | 'UNKNOWN')[];
  /** The reason of a fallback is one of these. NONE: no reason is known. */
  readonly fallbackReasons?: readonly (FallbackReasonName | 'NONE' | 'UNKNOWN')[];
  /** The host that the player connected to is one of these; `*.example.org` stands for all hosts below it. */
  readonly hosts?: readonly string[];
  /** The player has these properties with these values. */
  readonly playerProperties?: Readonly<Record<string, string>>;
  /** The player comes from a server that matches. */
  readonly from?: ServerSelector;
}

/** One rule: see `RoutingRule` of the contract. */
export interface RoutingRule {
  /** The name, unique among the rules. */
  readonly name: string;
  /** A higher priority counts first. Default 0. */
  readonly priority?: number;
  /** Left out: the rule always holds. */
  readonly when?: RoutingCondition;
  /** The servers. Left out: all servers. */
  readonly to?: ServerSelector;
  /** How one of the servers is chosen. Default LEAST_PLAYERS. */
  readonly strategy?: StrategyName | 'UNKNOWN';
  /** With STICKY: the strategy where the player's last server is not open. Default LEAST_PLAYERS. */
  readonly otherwise?: StrategyName | 'UNKNOWN';
  /** The most players, reserved slots included, that the rule lets on one server. Default 0: no limit of its own. */
  readonly limit?: number;
}

const RULE: Fields<RoutingRule> = {
  name: 1,
  priority: 1,
  when: 1,
  to: 1,
  strategy: 1,
  otherwise: 1,
  limit: 1,
};
const CONDITION: Fields<RoutingCondition> = {
  occasions: 1,
  fallbackReasons: 1,
  hosts: 1,
  playerProperties: 1,
  from: 1,
};
/** The reasons of fallbacks. */
const REASONS = { ...FallbackReason, NONE: FallbackReason.UNSPECIFIED };
const INT32 = 0x7fff_ffff;

/** Throws VALUE_INVALID or OUT_OF_RANGE, with the number of the rule. */
export function wireTableOf(rules: readonly RoutingRule[]): WireTable {
  if (!Array.isArray(rules)) throw invalid(`rules is ${shown(rules)}; it must be a list`, 'rules');
  return { rules: Array.from(rules, (rule: RoutingRule, index) => wireRuleOf(rule, index)) };
}

function wireRuleOf(given: RoutingRule, index: number): WireRule {
  const at = `rules[${index}]`;
  const { name, priority = 0, when, to, strategy, otherwise, limit = 0 } = known(at, given, RULE);
  return WireRule.create({
    name: text(`${at}.name`, name),
    priority: whole(`${at}.priority`, priority, -INT32 - 1, INT32),
    when: when && wireConditionOf(`${at}.when`, when),
    to: to && serverSelectorOf(`${at}.to`, to),
    strategy: strategyOf(strategy as StrategyName | undefined, `${at}.strategy`),
    otherwise: strategyOf(otherwise as StrategyName | undefined, `${at}.otherwise`),
    limit: whole(`${at}.limit`, limit, 0, UINT32),
  });
}

function wireConditionOf(at: string, given: RoutingCondition): WireCondition {
  const condition = known(at, given, CONDITION);
  const { occasions = [], fallbackReasons = [], hosts = [], playerProperties = {} } = condition;
  return {
    occasions: numbersOf(`${at}.occasions`, occasions, RoutingOccasion),
    fallbackReasons: numbersOf(`${at}.fallbackReasons`, fallbackReasons, REASONS),
    hosts: textList(`${at}.hosts`, hosts),
    playerProperties: texts(`${at}.playerProperties`, playerProperties),
    from: condition.from && serverSelectorOf(`${at}.from`, condition.from),
  };
}

function numbersOf<Value>(
  field: string,
  names: readonly string[],
  table: Readonly<Record<string, Value>>,
): Value[] {
  return textList(field, names).map(
    (name, index) => table[oneOf(`${field}[${index}]`, name, table)] as Value,
  );
}

/** The rules in the form of programs. Fields with their defaults are left out. */
export function rulesOf({ rules }: WireTable): RoutingRule[] {
  return rules.map(({ name, priority, when, to, strategy, otherwise, limit }) => ({
    name,
    ...(priority !== 0 && { priority }),
    ...(when && { when: conditionOf(when) }),
    ...(to && { to: selectorOf(to) }),
    ...(strategy !== RoutingStrategy.UNSPECIFIED && { strategy: strategyNameOf(strategy) }),
    ...(otherwise !== RoutingStrategy.UNSPECIFIED && { otherwise: strategyNameOf(otherwise) }),
    ...(limit !== 0 && { limit }),
  }));
}

function conditionOf(when: WireCondition): RoutingCondition {
  const { occasions, fallbackReasons, hosts, playerProperties, from } = when;
  return {
    ...(occasions.length > 0 && { occasions: occasions.map(occasionNameOf) }),
    ...(fallbackReasons.length > 0 && { fallbackReasons: fallbackReasons.map(reasonNameOf) }),
    ...(hosts.length > 0 && { hosts }),
    ...(Object.keys(playerProperties).length > 0 && { playerProperties }),
    ...(from && { from: selectorOf(from) }),
  };
}

function selectorOf({ labels, names }: WireSelector): ServerSelector {
  return {
    ...(Object.keys(labels).length > 0 && { labels }),
    ...(names.length > 0 && { names }),
  };
}

function reasonNameOf(reason: FallbackReason): FallbackReasonName | 'NONE' | 'UNKNOWN' {
  return reason === FallbackReason.UNSPECIFIED ? 'NONE' : fallbackReasonNameOf(reason);
}
