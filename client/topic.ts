/** Patterns of topics, as the coordinator matches them; a test holds the two equal. */
import { KelpieError } from './errors.js';

const PATTERN = /^(?:[A-Za-z0-9_-]+|\*)(?:\.(?:[A-Za-z0-9_-]+|\*))*(?:\.>)?$|^>$/;
/** What a wildcard in front does not open. */
const RESERVED = new Set(['nodes', 'players', 'state', 'routing', 'kelpie', 'inbox']);

/** Throws TOPIC_INVALID for what cannot be a pattern. The coordinator checks the rest. */
export function checkPattern(pattern: string): void {
  if (PATTERN.test(pattern)) return;
  throw new KelpieError(
    'TOPIC_INVALID',
    `"${pattern}" is no pattern: tokens of letters, digits, "_" and "-" with dots between them, "*" for one token, ">" at the end for the rest`,
    { metadata: { topic: pattern }, permanent: true },
  );
}

/** Whether a pattern matches a topic. */
export function matches(pattern: string, topic: string): boolean {
  const wanted = pattern.split('.');
  const tokens = topic.split('.');
  const [first = ''] = tokens;
  if (wanted[0] !== first && RESERVED.has(first)) return false;
  const open = wanted.at(-1) === '>';
  const fixed = open ? wanted.slice(0, -1) : wanted;
  const fits = open ? tokens.length > fixed.length : tokens.length === fixed.length;
  return fits && fixed.every((token, index) => token === '*' || token === tokens[index]);
}
