/** Checks and matches topics and patterns by the rules of the coordinator. A test compares both sides. */
import { shown } from '../core/arguments.js';
import { cutText } from '../core/text.js';
import { KelpieError } from '../errors.js';

/** The most bytes and tokens of a topic or pattern. */
const TOPIC_BYTES = 255;
const TOPIC_TOKENS = 16;

const TOPIC = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;
const PATTERN = /^(?:[A-Za-z0-9_-]+|\*)(?:\.(?:[A-Za-z0-9_-]+|\*))*(?:\.>)?$|^>$/;
/** The first tokens of topics that only the coordinator publishes. A wildcard in front does not match them. */
const RESERVED = new Set(['nodes', 'players', 'state', 'routing', 'kelpie']);
/** The topics below `kelpie` that nodes may read. */
const READABLE = new Set(['kelpie.settings', 'kelpie.audit']);

/** The topic, if nodes may publish on it. Throws TOPIC_INVALID or TOPIC_RESERVED. */
export function checkTopic(topic: unknown): string {
  if (typeof topic === 'string' && /[*>]/.test(topic))
    throw invalid(topic, 'a publish has no wildcards; name one topic');
  const form = 'tokens of letters, digits, "_" and "-" with dots between them';
  const checked = checkForm('topic', topic, TOPIC, form);
  const [first = '', ...rest] = checked.split('.');
  if (RESERVED.has(first))
    throw reserved(checked, `only the coordinator publishes topics that begin with "${first}"`);
  if (first === 'inbox' && (rest.length !== 1 || checked !== checked.toLowerCase()))
    throw invalid(checked, 'an inbox is "inbox.<node>", with the name in lower case');
  return checked;
}

/**
 * The pattern, if a node of this name may read it; a pattern of its inbox in lower case. Throws TOPIC_INVALID or
 * TOPIC_RESERVED.
 */
export function checkPattern(pattern: unknown, node: string): string {
  const form =
    'tokens of letters, digits, "_" and "-" with dots between them, "*" for one token, ">" at the end for the rest';
  const checked = checkForm('pattern', pattern, PATTERN, form);
  const [first = '', ...rest] = checked.split('.');
  if (first === 'kelpie' && !READABLE.has(checked))
    throw reserved(checked, 'only coordinators read these entries');
  if (first !== 'inbox') return checked;
  const folded = checked.toLowerCase();
  if (rest.length === 1 && ['*', '>', node.toLowerCase()].includes(folded.slice('inbox.'.length)))
    return folded;
  throw reserved(checked, `a node reads only its own inbox, "inbox.${node.toLowerCase()}"`);
}

function checkForm(kind: string, text: unknown, form: RegExp, allowed: string): string {
  if (typeof text !== 'string' || text.length > TOPIC_BYTES || !form.test(text))
    throw invalid(text, `a ${kind} is made of ${allowed}; at most ${TOPIC_BYTES} bytes`);
  if (text.split('.').length > TOPIC_TOKENS)
    throw invalid(text, `a ${kind} has at most ${TOPIC_TOKENS} tokens`);
  return text;
}

function invalid(text: unknown, why: string): KelpieError {
  const metadata = { topic: typeof text === 'string' ? cutText(text, TOPIC_BYTES) : '' };
  const message = `${shown(text)} cannot be used: ${why}`;
  return new KelpieError('TOPIC_INVALID', message, { metadata, permanent: true });
}

function reserved(topic: string, why: string): KelpieError {
  const message = `"${topic}" cannot be used: ${why}`;
  return new KelpieError('TOPIC_RESERVED', message, { metadata: { topic }, permanent: true });
}

/** Whether a pattern matches a topic. */
export function matches(pattern: string, topic: string): boolean {
  const wanted = pattern.split('.');
  const tokens = topic.split('.');
  const [first = ''] = tokens;
  if (wanted[0] !== first && (RESERVED.has(first) || first === 'inbox')) return false;
  const open = wanted.at(-1) === '>';
  const fixed = open ? wanted.slice(0, -1) : wanted;
  const fits = open ? tokens.length > fixed.length : tokens.length === fixed.length;
  return fits && fixed.every((token, index) => token === '*' || token === tokens[index]);
}
