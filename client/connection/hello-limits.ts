/** Checks that the next Hello fits its limits: a coordinator refuses a node whose Hello is above them. */
import type { Limits } from '../../gen/ts/kelpie/v1/coordinator.js';
import { Hello } from '../../gen/ts/kelpie/v1/session_service.js';
import { KelpieError } from '../errors.js';

/** The limits before the first Welcome. */
const PATTERNS = 1000;
const LONG_PATTERNS = 64;
const PATTERN_BYTES = 64 * 1024;
const HELLO_BYTES = 64 * 1024;

/** A coordinator compares a pattern with wildcards and more tokens than this one by one. */
const SHORT_TOKENS = 4;

/** Room for the start of reading, which each stream fills in. */
const START_BYTES = 64;

/** Throws PATTERN_LIMIT, or HELLO_TOO_LARGE if patterns, commands and labels together are too large. */
export function checkRoom(hello: Hello, limits: Limits | undefined): void {
  const { topics } = hello;
  checkPatterns(topics, limits);
  const { helloBytes = HELLO_BYTES } = limits ?? {};
  const bytes = Hello.encode({ ...hello, topics: [] }).finish().length + START_BYTES;
  // A field number and a length come before each pattern.
  const all = bytes + bytesOf(topics) + 3 * topics.length;
  if (all <= helloBytes) return;
  const message = `the patterns, commands and labels of a node may take ${helloBytes} bytes together; with this one they take ${all}`;
  throw refusal('HELLO_TOO_LARGE', message, helloBytes);
}

function checkPatterns(topics: readonly string[], limits: Limits | undefined): void {
  const { patterns = PATTERNS } = limits ?? {};
  // 0: the coordinator has no such limit.
  const longest = limits ? limits.longPatterns || Infinity : LONG_PATTERNS;
  const most = limits ? limits.patternBytes || Infinity : PATTERN_BYTES;
  if (topics.length > patterns) {
    const message = `a node reads at most ${patterns} patterns, with those of its roster; use wildcards`;
    throw refusal('PATTERN_LIMIT', message, patterns);
  }
  if (topics.filter(isLong).length > longest) {
    const message = `a node reads at most ${longest} patterns with wildcards and more than ${SHORT_TOKENS} tokens`;
    throw refusal('PATTERN_LIMIT', message, longest);
  }
  if (bytesOf(topics) > most) {
    throw refusal('PATTERN_LIMIT', `the patterns of a node may take ${most} bytes together`, most);
  }
}

function isLong(pattern: string): boolean {
  return /[*>]/.test(pattern) && pattern.split('.').length > SHORT_TOKENS;
}

/** The bytes of all patterns: each of their characters has one byte. */
function bytesOf(topics: readonly string[]): number {
  return topics.reduce((sum, { length }) => sum + length, 0);
}

function refusal(
  reason: 'PATTERN_LIMIT' | 'HELLO_TOO_LARGE',
  message: string,
  limit: number,
): KelpieError {
  return new KelpieError(reason, message, { metadata: { limit: String(limit) }, permanent: true });
}
