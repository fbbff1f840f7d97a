/** The file of routing rules that `kelpie routing edit` takes and `show --yaml` prints: YAML, and so JSON too. */
import { readFileSync } from 'node:fs';
import { Document, parseDocument } from 'yaml';
import {
  FallbackReason,
  RoutingOccasion,
  RoutingStrategy,
} from '../../../gen/ts/kelpie/v1/routing.js';
import type { RoutingCondition, RoutingRule, ServerSelector } from '../../api/index.js';
import { isPlain, shown } from '../../core/arguments.js';
import { fromThrown, messageOf } from '../../errors.js';
import { wireTableOf } from '../../core/routing.js';
import { UsageError } from '../output/output.js';

/** Rules of a file, and the sequence of the rules that they were made of. */
export interface RulesFile {
  readonly rules: readonly RoutingRule[];
  /** Undefined: the file does not say. */
  readonly sequence: number | undefined;
}

/** As a file has a condition. */
interface FileCondition {
  readonly occasion?: string | readonly string[];
  readonly reasons?: readonly string[];
  readonly hosts?: readonly string[];
  readonly properties?: Readonly<Record<string, string>>;
  readonly from?: ServerSelector;
}

const RULE = ['name', 'priority', 'when', 'to', 'strategy', 'otherwise', 'limit'];
const WHEN = ['occasion', 'reasons', 'hosts', 'properties', 'from'];
const MOST_BYTES = 1 << 20;

/** Reads a file; `-` is the standard input. Throws a UsageError. */
export function readRules(path: string): RulesFile {
  const text = readText(path);
  const where = path === '-' ? 'the standard input' : path;
  const document = parseDocument(text, { prettyErrors: true });
  const [error] = document.errors;
  if (error) throw new UsageError(`${where} cannot be read: ${error.message.split('\n')[0] ?? ''}`);
  try {
    return rulesIn(document.toJS({ maxAliasCount: 100 }));
  } catch (thrown) {
    throw new UsageError(`${where}: ${fromThrown(thrown).message}`);
  }
}

function readText(path: string): string {
  try {
    const bytes = readFileSync(path === '-' ? 0 : path);
    if (bytes.length <= MOST_BYTES) return bytes.toString('utf8');
  } catch (thrown) {
    throw new UsageError(`${path} cannot be read: ${messageOf(thrown)}`);
  }
  throw new UsageError(`${path} is larger than 1 MiB: it is no file of routing rules`);
}

function rulesIn(content: unknown): RulesFile {
  const { rules, sequence } = fieldsOf('the file', content, ['rules', 'sequence']);
  if (!Array.isArray(rules)) throw new UsageError('the file has no list "rules"');
  if (sequence !== undefined && !Number.isSafeInteger(sequence)) {
    throw new UsageError(
      `sequence is ${shown(sequence)}; remove it, or leave it as it was printed`,
    );
  }
  const all = rules.map((rule, index) => ruleOf(`rules[${index}]`, rule));
  // The form of programs is checked here too, so that the error names the file.
  wireTableOf(all);
  return { rules: all, sequence: sequence as number | undefined };
}

function ruleOf(at: string, content: unknown): RoutingRule {
  const { when, strategy, otherwise, ...rule } = fieldsOf(at, content, RULE);
  return {
    ...(rule as unknown as RoutingRule),
    ...(when !== undefined && when !== null && { when: conditionOf(`${at}.when`, when) }),
    ...(strategy !== undefined && { strategy: nameOf(`${at}.strategy`, strategy, STRATEGIES) }),
    ...(otherwise !== undefined && { otherwise: nameOf(`${at}.otherwise`, otherwise, STRATEGIES) }),
  } as RoutingRule;
}

function conditionOf(at: string, content: unknown): RoutingCondition {
  const { occasion, reasons, hosts, properties, from } = fieldsOf(at, content, WHEN);
  return {
    ...(occasion !== undefined && { occasions: namesOf(`${at}.occasion`, occasion, OCCASIONS) }),
    ...(reasons !== undefined && { fallbackReasons: namesOf(`${at}.reasons`, reasons, REASONS) }),
    ...(hosts !== undefined && { hosts: listOf(hosts) }),
    ...(properties !== undefined && { playerProperties: properties }),
    ...(from !== undefined && { from }),
  } as unknown as RoutingCondition;
}

function fieldsOf(at: string, content: unknown, names: readonly string[]): Record<string, unknown> {
  if (!isPlain(content)) throw new UsageError(`${at} is ${shown(content)}; it must have fields`);
  const odd = Object.keys(content).find((name) => !names.includes(name));
  if (odd === undefined) return content;
  throw new UsageError(`${at} has no field ${shown(odd)}; it has ${names.join(', ')}`);
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [value];
}

const named = (table: object): string[] =>
  Object.keys(table).filter((one) => one !== 'UNSPECIFIED');
const STRATEGIES = named(RoutingStrategy);
const OCCASIONS = named(RoutingOccasion);
const REASONS = [...named(FallbackReason), 'NONE'];

function namesOf(at: string, value: unknown, names: readonly string[]): string[] {
  return listOf(value).map((one) => nameOf(at, one, names));
}

/** `least-players` and LEAST_PLAYERS are the same. */
function nameOf(at: string, value: unknown, names: readonly string[]): string {
  const name = typeof value === 'string' ? value.toUpperCase().replaceAll('-', '_') : undefined;
  if (name !== undefined && names.includes(name)) return name;
  throw new UsageError(`${at} is ${shown(value)}; use one of ${names.map(inFile).join(', ')}`);
}

/** The spelling of a name in a file: `least-players`. */
export function inFile(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

/** The text of a file with these rules. */
export function rulesText({ rules, sequence }: RulesFile): string {
  const content = {
    ...(sequence !== undefined && { sequence }),
    rules: rules.map(({ name, priority, when, to, strategy, otherwise, limit }) => ({
      name,
      ...(priority !== undefined && { priority }),
      ...(when && { when: fileConditionOf(when) }),
      ...(to && { to }),
      ...(strategy && { strategy: inFile(strategy) }),
      ...(otherwise && { otherwise: inFile(otherwise) }),
      ...(limit !== undefined && { limit }),
    })),
  };
  return new Document(content, { compat: 'yaml-1.1' }).toString({ lineWidth: 0 });
}

function fileConditionOf(when: RoutingCondition): FileCondition {
  const { occasions, fallbackReasons, hosts, playerProperties, from } = when;
  const [only, ...others] = (occasions ?? []).map(inFile);
  return {
    ...(only !== undefined && { occasion: others.length === 0 ? only : [only, ...others] }),
    ...(fallbackReasons && { reasons: fallbackReasons.map(inFile) }),
    ...(hosts && { hosts }),
    ...(playerProperties && { properties: playerProperties }),
    ...(from && { from }),
  };
}
