/** What the next Hello has room for: a node that asked for more would not be let in again. */
import type { Limits } from '../../gen/ts/kelpie/v1/coordinator.js';
import { Hello } from '../../gen/ts/kelpie/v1/session_service.js';
import { KelpieError } from '../errors.js';

/** Of a coordinator that has not said what it allows. */
const PATTERNS = 1000;
const LONG_PATTERNS = 64;
const PATTERN_BYTES = 64 * 1024;
const HELLO_BYTES = 64 * 1024;

/** Wildcards after so many tokens are what a coordinator compares one by one. */
const SHORT_TOKENS = 4;

/** Where reading starts, which each stream fills in. */
const START_BYTES = 64;

/** Throws PATTERN_LIMIT, or HELLO_TOO_LARGE where patterns, commands and labels are too much together. */
export function checkRoom(hello: Hello, limits: Limits | undefined): void {
  const { topics } = hello;
  checkPatterns(topics, limits);
  const { helloBytes = HELLO_BYTES } = limits ?? {};
  const bytes = Hello.encode({ ...hello, topics: [] }).finish().length + START_BYTES;
  // A number and a length come before each pattern.
  const all = bytes + lettersOf(topics) + 3 * topics.length;
  if (all <= helloBytes) return;
  const message = `all patterns, commands and labels of a node have room in ${helloBytes} bytes; with this one they take ${all}`;
  throw refusal('HELLO_TOO_LARGE', message, helloBytes);
}

function checkPatterns(topics: readonly string[], limits: Limits | undefined): void {
  const { patterns = PATTERNS } = limits ?? {};
  // A coordinator that names no such limit has none.
  const longest = limits ? limits.longPatterns || Infinity : LONG_PATTERNS;
  const most = limits ? limits.patternBytes || Infinity : PATTERN_BYTES;
  if (topics.length > patterns) {
    const message = `a node reads at most ${patterns} patterns, those of its roster among them; use wildcards`;
    throw refusal('PATTERN_LIMIT', message, patterns);
  }
  if (topics.filter(isLong).length > longest) {
    const message = `a node reads at most ${longest} patterns with wildcards and more than ${SHORT_TOKENS} tokens`;
    throw refusal('PATTERN_LIMIT', message, longest);
  }
  if (lettersOf(topics) > most) {
    throw refusal('PATTERN_LIMIT', `all patterns of a node have room in ${most} bytes`, most);
  }
}

function isLong(pattern: string): boolean {
  return /[*>]/.test(pattern) && pattern.split('.').length > SHORT_TOKENS;
}

/** Letters of patterns have one byte each. */
function lettersOf(topics: readonly string[]): number {
  return topics.reduce((sum, { length }) => sum + length, 0);
}

function refusal(
  reason: 'PATTERN_LIMIT' | 'HELLO_TOO_LARGE',
  message: string,
  limit: number,
): KelpieError {
  return new KelpieError(reason, message, { metadata: { limit: String(limit) }, permanent: true });
}
