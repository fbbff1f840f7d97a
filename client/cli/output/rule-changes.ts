/** The changes between two lists of routing rules, for people. */
import type { RoutingRule } from '../../api/index.js';
import { inOrder, RULE_HEAD, ruleRow } from './rules.js';

/** A row for each rule that was added, removed or changed, and one if the rules count in another order. */
export function changesOf(
  before: readonly RoutingRule[],
  after: readonly RoutingRule[],
): [rule: string, change: string][] {
  const old = new Map(before.map((rule) => [rule.name, rule]));
  const now = new Map(after.map((rule) => [rule.name, rule]));
  const changes = inOrder(after).flatMap((rule): [string, string][] => {
    const former = old.get(rule.name);
    if (!former) return [[rule.name, 'added']];
    const fields = fieldsChanged(former, rule);
    return fields.length === 0 ? [] : [[rule.name, fields.join('; ')]];
  });
  const removed = before.filter(({ name }) => !now.has(name));
  changes.push(...removed.map(({ name }): [string, string] => [name, 'removed']));
  const isMoved = orderOf(before, now) !== orderOf(after, old);
  return isMoved ? [...changes, ['-', 'the rules count in another order']] : changes;
}

/** The names of the rules that both have, in the order in which they count. */
function orderOf(rules: readonly RoutingRule[], others: ReadonlyMap<string, RoutingRule>): string {
  return inOrder(rules)
    .map(({ name }) => name)
    .filter((name) => others.has(name))
    .join(' ');
}

function fieldsChanged(before: RoutingRule, after: RoutingRule): string[] {
  const now = ruleRow(after);
  return ruleRow(before).flatMap((value, index) =>
    value === now[index]
      ? []
      : [`${(RULE_HEAD[index] ?? '').toLowerCase()}: ${value} → ${now[index] ?? ''}`],
  );
}
