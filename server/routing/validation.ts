/** Checks routing rules. Pure. */
import {
  FallbackReason,
  RoutingOccasion,
  RoutingStrategy,
  RoutingTable,
  type RoutingCondition,
  type RoutingRule,
  type ServerSelector,
} from '../../gen/ts/kelpie/v1/routing.js';
import { KelpieError, outOfRange } from '../core/errors.js';
import { cutText } from '../core/text.js';
import { IDENTIFIER_RULE, isIdentifier, labelsOf } from '../network/labels.js';
import { foldName } from '../nodes/name.js';

const RULES = 256;
const TABLE_BYTES = 64 * 1024;
const OCCASIONS = 8;
const REASONS = 16;
const HOSTS = 64;
/** The most bytes of a host name. */
export const HOST_BYTES = 253;
const NAMES = 64;

/**
 * The rules with their names of nodes and hosts in lower case and their labels in order, so that equal rules have
 * equal bytes. Throws ROUTING_INVALID, LABELS_INVALID, NODE_NAME_INVALID or OUT_OF_RANGE.
 */
export function checkedTable(table: RoutingTable): RoutingTable {
  if (table.rules.length > RULES) {
    const message = `the table has ${table.rules.length} rules; at most ${RULES} fit`;
    throw invalid('', 'rules', message);
  }
  const bytes = RoutingTable.encode(table).finish().length;
  if (bytes > TABLE_BYTES) {
    const message = `the rules have ${bytes} bytes together; at most ${TABLE_BYTES} fit: use fewer or shorter rules`;
    throw invalid('', 'rules', message);
  }
  const names = new Set<string>();
  return {
    rules: table.rules.map((rule, index) => {
      checkName(rule.name, index, names);
      return checkedRule(rule);
    }),
  };
}

function checkName(name: string, index: number, names: Set<string>): void {
  const shown = cutText(name, 63);
  if (!isIdentifier(name)) {
    throw invalid(
      shown,
      'name',
      `rule ${index + 1} cannot have the name "${shown}": ${IDENTIFIER_RULE}`,
    );
  }
  if (names.has(name)) {
    throw invalid(
      name,
      'name',
      `two rules have the name "${name}"; give rule ${index + 1} another one`,
    );
  }
  names.add(name);
}

function checkedRule(rule: RoutingRule): RoutingRule {
  const { name, when, to, strategy, otherwise } = rule;
  checkNumber(name, 'strategy', strategy, RoutingStrategy);
  checkNumber(name, 'otherwise', otherwise, RoutingStrategy);
  if (otherwise === RoutingStrategy.STICKY) {
    throw inRule(
      name,
      'otherwise',
      'it is STICKY too; choose a strategy that needs no last server',
    );
  }
  if (otherwise !== RoutingStrategy.UNSPECIFIED && strategy !== RoutingStrategy.STICKY) {
    throw inRule(
      name,
      'otherwise',
      'it counts only beside the strategy STICKY; remove it, or set STICKY',
    );
  }
  return {
    ...rule,
    when: when && checkedCondition(name, when),
    to: to && selectorIn(name, 'to', to),
  };
}

function checkedCondition(rule: string, when: RoutingCondition): RoutingCondition {
  const { occasions, fallbackReasons, hosts, playerProperties, from } = when;
  checkCount(rule, 'when.occasions', occasions, OCCASIONS);
  for (const one of occasions) {
    checkNumber(rule, 'when.occasions', one, RoutingOccasion);
    if (one !== RoutingOccasion.UNSPECIFIED) continue;
    throw inRule(rule, 'when.occasions', 'UNSPECIFIED is not an occasion; use JOIN or FALLBACK');
  }
  checkCount(rule, 'when.fallback_reasons', fallbackReasons, REASONS);
  for (const one of fallbackReasons)
    checkNumber(rule, 'when.fallback_reasons', one, FallbackReason);
  const isNeverFallback = occasions.length > 0 && !occasions.includes(RoutingOccasion.FALLBACK);
  if (fallbackReasons.length > 0 && isNeverFallback) {
    const why =
      'it can never hold, since `when.occasions` excludes FALLBACK; add FALLBACK, or remove the reasons';
    throw inRule(rule, 'when.fallback_reasons', why);
  }
  checkCount(rule, 'when.hosts', hosts, HOSTS);
  return {
    ...when,
    hosts: hosts.map((host) => checkedHost(rule, host)),
    playerProperties: within(rule, 'when.player_properties', () => labelsOf(playerProperties)),
    from: from && selectorIn(rule, 'when.from', from),
  };
}

function checkedHost(rule: string, host: string): string {
  const name = host.startsWith('*.') ? host.slice(2) : host;
  const bytes = Buffer.byteLength(host);
  if (name !== '' && bytes <= HOST_BYTES && !/[\s*]/.test(name)) return host.toLowerCase();
  const shown = cutText(host, 80);
  const why = `"${shown}" cannot be a host: write a name such as "play.example.org" or "*.example.org", of at most ${HOST_BYTES} bytes`;
  throw inRule(rule, 'when.hosts', why);
}

function selectorIn(rule: string, field: string, selector: ServerSelector): ServerSelector {
  return within(rule, field, () => checkedSelector(selector));
}

/** The selector, with names in lower case. Throws LABELS_INVALID, NODE_NAME_INVALID or OUT_OF_RANGE. */
export function checkedSelector({ labels, names }: ServerSelector): ServerSelector {
  if (names.length > NAMES) {
    const message = `a selector names ${names.length} servers; at most ${NAMES} fit`;
    throw outOfRange('names', NAMES, message);
  }
  return { labels: labelsOf(labels), names: names.map(foldName) };
}

/** Adds the rule and the field to the message of an error. */
function within<Result>(rule: string, field: string, check: () => Result): Result {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof KelpieError)) throw error;
    const message = `rule "${rule}", ${field}: ${error.message}`;
    throw new KelpieError(error.reason, message, error.metadata, { cause: error });
  }
}

function checkCount(rule: string, field: string, list: readonly unknown[], limit: number): void {
  if (list.length <= limit) return;
  throw inRule(rule, field, `it has ${list.length} entries; at most ${limit} fit`);
}

function checkNumber(
  rule: string,
  field: string,
  value: number,
  table: Readonly<Record<string, number>>,
): void {
  if (Object.values(table).includes(value)) return;
  const names = Object.keys(table).filter((name) => name !== 'UNSPECIFIED');
  throw inRule(rule, field, `${value} has no meaning; use one of ${names.join(', ')}`);
}

function inRule(rule: string, field: string, why: string): KelpieError {
  return invalid(rule, field, `rule "${rule}", ${field}: ${why}`);
}

function invalid(rule: string, field: string, message: string): KelpieError {
  return new KelpieError('ROUTING_INVALID', message, { rule, field });
}
