/**
 * Topics are dot-separated tokens, `chat.global`. Patterns may use `*` for one token, and `>` for one or more
 * tokens at the end. Only this file decides which topics a pattern may not match.
 */
import { KelpieError } from '../core/errors.js';
import { cutText } from '../core/text.js';

/** The limit of a topic or pattern in bytes. */
export const TOPIC_BYTES = 255;
/** The limit of a topic or pattern in tokens. */
export const TOPIC_TOKENS = 16;

/** The topic of records of acts. */
export const AUDIT_TOPIC = 'kelpie.audit';

/** The first tokens of the coordinator's own topics: only the coordinator publishes to them. */
const RESERVED = new Set(['nodes', 'players', 'state', 'routing', 'kelpie']);
/** The topics of the coordinator below `kelpie` that readers may read. */
const READABLE = new Set(['kelpie.settings', AUDIT_TOPIC]);
const INBOX = 'inbox';
const TOKEN = /^[A-Za-z0-9_-]+$/;

/** The topic that only the session of this node receives. */
export function inboxOf(node: string): string {
  return `${INBOX}.${node}`;
}

/** Throws TOPIC_INVALID or TOPIC_RESERVED unless nodes may publish to the topic. */
export function checkTopic(topic: string): void {
  const tokens = split(topic, 'topic');
  const odd = tokens.find((token) => !TOKEN.test(token));
  if (odd !== undefined) throw malformed(topic, 'topic', odd);
  const first = tokens[0] ?? '';
  if (RESERVED.has(first)) {
    throw new KelpieError(
      'TOPIC_RESERVED',
      `topic "${topic}" is the coordinator's own; publish to a topic that does not begin with "${first}"`,
      { topic },
    );
  }
  if (first === INBOX && (tokens.length !== 2 || topic !== topic.toLowerCase())) {
    throw new KelpieError(
      'TOPIC_INVALID',
      `topic "${topic}" is no inbox; an inbox is "inbox.<node>", with the node's name in lower case`,
      { topic },
    );
  }
}

/** Throws TOPIC_INVALID unless the text has the form of a pattern. Returns its tokens. */
export function patternTokens(pattern: string): readonly string[] {
  const tokens = split(pattern, 'pattern');
  tokens.forEach((token, index) => {
    const wildcard = token === '*' || (token === '>' && index === tokens.length - 1);
    if (!wildcard && !TOKEN.test(token)) throw malformed(pattern, 'pattern', token);
  });
  return tokens;
}

/** Throws TOPIC_INVALID or TOPIC_RESERVED unless readers may use the pattern. */
export function checkPattern(pattern: string): void {
  const tokens = patternTokens(pattern);
  if (READABLE.has(pattern)) return;
  if (tokens[0] === INBOX || tokens[0] === 'kelpie') {
    const why =
      tokens[0] === INBOX
        ? 'each node gets its own inbox without a pattern'
        : 'only coordinators read these entries';
    throw new KelpieError('TOPIC_RESERVED', `pattern "${pattern}" is not allowed: ${why}`, {
      topic: pattern,
    });
  }
}

function split(text: string, kind: 'topic' | 'pattern'): string[] {
  if (Buffer.byteLength(text) > TOPIC_BYTES) {
    throw new KelpieError(
      'TOPIC_INVALID',
      `the ${kind} "${cutText(text, 40)}…" has ${Buffer.byteLength(text)} bytes; the limit is ${TOPIC_BYTES}`,
      { topic: cutText(text, TOPIC_BYTES), limit: String(TOPIC_BYTES) },
    );
  }
  const tokens = text.split('.');
  if (tokens.length > TOPIC_TOKENS) {
    throw new KelpieError(
      'TOPIC_INVALID',
      `the ${kind} "${text}" has ${tokens.length} tokens; the limit is ${TOPIC_TOKENS}`,
      { topic: text, limit: String(TOPIC_TOKENS) },
    );
  }
  return tokens;
}

function malformed(text: string, kind: 'topic' | 'pattern', token: string): KelpieError {
  const wildcards = kind === 'pattern' ? ', "*", or ">" at the end' : '; wildcards are for reading';
  const what = token === '' ? 'an empty token' : `the token "${token}"`;
  return new KelpieError(
    'TOPIC_INVALID',
    `the ${kind} "${text}" has ${what}; tokens are letters, digits, "_" and "-"${wildcards}`,
    { topic: text },
  );
}

/** Whether a wildcard as first token does not match topics of this first token: the coordinator's own, and inboxes. */
export function isClosed(first: string): boolean {
  return isReserved(first) || first === INBOX;
}

/** Whether topics with this first token are the coordinator's own. */
export function isReserved(first: string): boolean {
  return RESERVED.has(first);
}

/** Whether a pattern has wildcards. */
export function isWild(pattern: string): boolean {
  return pattern.includes('*') || pattern.endsWith('>');
}

const ONE = '*'.charCodeAt(0);
const REST = '>'.charCodeAt(0);

/** Whether a pattern matches a topic. Both must have passed their checks. */
export function matches(pattern: string, topic: string): boolean {
  const first = pattern.charCodeAt(0);
  const wild = first === ONE || first === REST;
  return !(wild && isClosed(topic.split('.', 1)[0] ?? '')) && fits(pattern, topic);
}

function fits(pattern: string, topic: string): boolean {
  let at = 0;
  for (let index = 0; index < pattern.length; index++) {
    if (at >= topic.length) return false;
    const letter = pattern.charCodeAt(index);
    if (letter === REST) return true;
    if (letter === ONE) at = tokenEnd(topic, at);
    else if (letter !== topic.charCodeAt(at++)) return false;
  }
  return at === topic.length;
}

function tokenEnd(topic: string, from: number): number {
  const dot = topic.indexOf('.', from);
  return dot < 0 ? topic.length : dot;
}

/** Whether every topic of the pattern `narrow` is one of the pattern `wide`. Both must have passed their checks. */
export function covers(wide: string, narrow: string): boolean {
  const given = wide.split('.');
  const asked = narrow.split('.');
  const first = asked[0] ?? '';
  if (isClosed(first) && given[0] !== first) return false;
  for (const [index, token] of given.entries()) {
    const one = asked[index];
    if (one === undefined) return false;
    if (token === '>') return true;
    // The rest of topics is more than one token, and a token of the pattern is not all tokens.
    if (one === '>' || (token !== '*' && token !== one)) return false;
  }
  return given.length === asked.length;
}

/** The topic of a table row's key: `nodes/lobby-1` gives `nodes.lobby-1`. */
export function topicOfKey(key: string): string {
  return key.replaceAll('/', '.');
}

/** Whether a topic is `prefix` or lies below it. */
export function isUnder(topic: string, prefix: string): boolean {
  return (
    topic.startsWith(prefix) && (topic.length === prefix.length || topic[prefix.length] === '.')
  );
}

/** The patterns that match `prefix` and all topics below it. */
export function patternsUnder(prefix: string): readonly string[] {
  return [prefix, `${prefix}.>`];
}

/** Whether a pattern matches `prefix` or any topic below it. */
export function reaches(pattern: string, prefix: string): boolean {
  const wanted = pattern.split('.');
  const tokens = prefix.split('.');
  if (isClosed(tokens[0] ?? '') && wanted[0] !== tokens[0]) return false;
  for (const [index, token] of tokens.entries()) {
    if (wanted[index] === '>') return true;
    if (wanted[index] !== '*' && wanted[index] !== token) return false;
  }
  return true;
}
