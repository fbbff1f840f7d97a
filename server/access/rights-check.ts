/** Checks the rights of a credential before it is stored. Pure. */
import { type Rights, Verb } from '../../gen/ts/kelpie/v1/access.js';
import { NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import { KelpieError } from '../core/errors.js';
import { cutText } from '../core/text.js';
import { isIdentifier } from '../network/labels.js';
import { TopicFilter } from '../topics/filter.js';
import { checkPattern, isReserved, patternTokens } from '../topics/topic.js';
import { CUSTOM_COMMANDS } from './rights.js';

/** The items of one list. */
const ITEMS = 256;
/** The bytes of all texts together. */
const BYTES = 16 * 1024;
/** The patterns of one list with wildcards and more than four tokens: a check compares these one by one. */
const LONG_PATTERNS = 8;
/** The names of one list with wildcards, and the wildcards of one name: a check compares these one by one, too. */
const WILD_NAMES = 32;
const STARS = 3;
const NAME = /^[a-z0-9_*-]{1,63}$/i;

/** The lists of rights, by the names of their fields in the contract. */
const lists = {
  node_names: ({ nodeNames }: Rights) => nodeNames,
  roles: ({ roles }: Rights) => roles,
  publish_topics: ({ publishTopics }: Rights) => publishTopics,
  read_topics: ({ readTopics }: Rights) => readTopics,
  commands: ({ commands }: Rights) => commands,
  command_targets: ({ commandTargets }: Rights) => commandTargets,
  verbs: ({ verbs }: Rights) => verbs,
} as const;

/** Throws RIGHTS_INVALID. */
export function checkRights(rights: Rights): void {
  checkSizes(rights);
  checkNames('node_names', rights.nodeNames);
  checkNames('command_targets', rights.commandTargets);
  for (const role of rights.roles) checkNumber('roles', role, NodeRole);
  for (const verb of rights.verbs) checkNumber('verbs', verb, Verb);
  checkTopics('publish_topics', rights.publishTopics, checkPublishable);
  checkTopics('read_topics', rights.readTopics, checkPattern);
  for (const name of rights.commands) {
    if (name === CUSTOM_COMMANDS || isIdentifier(name)) continue;
    throw rightsInvalid('commands', `${shown(name)} is no name of a command, and not "*"`);
  }
}

function checkSizes(rights: Rights): void {
  let bytes = 0;
  for (const [field, listOf] of Object.entries(lists)) {
    const list = listOf(rights);
    if (list.length > ITEMS) {
      throw rightsInvalid(field, `${field} has ${list.length} items; ${ITEMS} fit`, ITEMS);
    }
    for (const item of list) bytes += typeof item === 'string' ? Buffer.byteLength(item) : 0;
  }
  if (bytes <= BYTES) return;
  throw rightsInvalid('rights', `the rights have ${bytes} bytes; ${BYTES} fit`, BYTES);
}

function checkNames(field: string, names: readonly string[]): void {
  for (const name of names) checkName(field, name);
  const wild = names.filter((name) => name.includes('*')).length;
  if (wild <= WILD_NAMES) return;
  throw rightsInvalid(field, `${field} has ${wild} names with "*"; ${WILD_NAMES} fit`, WILD_NAMES);
}

function checkName(field: string, name: string): void {
  if (NAME.test(name) && name.split('*').length - 1 <= STARS) return;
  const rule = `letters, digits, "-", "_", and at most ${STARS} "*" for any letters, 63 in all`;
  throw rightsInvalid(field, `${shown(name)} matches no name of a node; a pattern has ${rule}`);
}

function checkNumber(field: string, number: number, known: Readonly<Record<string, number>>): void {
  if (number !== 0 && Object.values(known).includes(number)) return;
  const names = Object.keys(known).filter((name) => known[name] !== 0);
  throw rightsInvalid(field, `${number} is none of ${names.join(', ')}`);
}

function checkTopics(
  field: string,
  patterns: readonly string[],
  check: (pattern: string) => void,
): void {
  for (const pattern of patterns) {
    try {
      check(pattern);
    } catch (error) {
      if (error instanceof KelpieError) throw rightsInvalid(field, error.message);
      throw error;
    }
  }
  const { long } = new TopicFilter(patterns);
  if (long <= LONG_PATTERNS) return;
  const what = `${field} has ${long} patterns with wildcards and more than four tokens`;
  throw rightsInvalid(field, `${what}; ${LONG_PATTERNS} fit`, LONG_PATTERNS);
}

function checkPublishable(pattern: string): void {
  const [first = ''] = patternTokens(pattern);
  if (first === 'state' || !isReserved(first)) return;
  throw rightsInvalid('publish_topics', `"${pattern}": only the coordinator publishes there`);
}

function shown(text: string): string {
  return `"${cutText(text, 80)}"`;
}

/** The error for a fact about a credential that is not allowed. */
export function rightsInvalid(field: string, message: string, limit?: number): KelpieError {
  const facts = limit === undefined ? { field } : { field, limit: String(limit) };
  return new KelpieError('RIGHTS_INVALID', message, facts);
}
