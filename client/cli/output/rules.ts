/** Routing rules for people: a line each. */
import type { RoutingCondition, RoutingRule, ServerSelector } from '../../api/index.js';

export const RULE_HEAD = ['RULE', 'PRIORITY', 'WHEN', 'TO', 'STRATEGY', 'LIMIT'];

/** The rules in the order in which they count. */
export function inOrder(rules: readonly RoutingRule[]): RoutingRule[] {
  return [...rules].sort((left, right) => (right.priority ?? 0) - (left.priority ?? 0));
}

export function ruleRow(rule: RoutingRule): string[] {
  const { priority = 0, limit = 0 } = rule;
  return [
    rule.name,
    String(priority),
    conditionInWords(rule.when),
    rule.to ? selectorInWords(rule.to) : 'all servers',
    strategyInWords(rule),
    limit === 0 ? '-' : String(limit),
  ];
}

function strategyInWords({
  strategy = 'LEAST_PLAYERS',
  otherwise = 'LEAST_PLAYERS',
}: RoutingRule): string {
  const words = inWords(strategy);
  return strategy === 'STICKY' ? `${words}, else ${inWords(otherwise)}` : words;
}

function conditionInWords(when: RoutingCondition = {}): string {
  const { occasions = [], fallbackReasons = [], hosts = [], playerProperties = {}, from } = when;
  const parts = [
    occasions.map(inWords).join('|'),
    listed('reason', fallbackReasons.map(inWords)),
    listed('host', hosts),
    ...Object.entries(playerProperties).map(([name, value]) => `${name}=${value}`),
    from ? `from ${selectorInWords(from)}` : '',
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'always' : parts.join(' and ');
}

function selectorInWords({ labels = {}, names = [] }: ServerSelector): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  if (names.length > 0) parts.push(names.join('|'));
  return parts.length === 0 ? 'any server' : parts.join(' and ');
}

function listed(what: string, names: readonly string[]): string {
  return names.length === 0 ? '' : `${what} ${names.join('|')}`;
}

/** The spelling of a name for people: `least-players`. */
export function inWords(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}
