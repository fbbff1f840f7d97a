/** What the next Hello has room for: a node that asked for more would not be let in again. */
import type { Limits } from '../gen/ts/kelpie/v1/coordinator.js';
import { Hello } from '../gen/ts/kelpie/v1/session_service.js';
import { KelpieError } from './errors.js';

/** Of a coordinator that has not said what it allows. */
const PATTERNS = 1000;
const HELLO_BYTES = 64 * 1024;

/** Where reading starts, which each stream fills in. */
const START_BYTES = 64;

/** Throws PATTERN_LIMIT, or HELLO_TOO_LARGE where patterns, commands and labels are too much together. */
export function checkRoom(hello: Hello, limits: Limits | undefined): void {
  const { patterns = PATTERNS, helloBytes = HELLO_BYTES } = limits ?? {};
  const { topics } = hello;
  if (topics.length > patterns) {
    const message = `a node reads at most ${patterns} patterns, those of its roster among them; use wildcards`;
    throw refusal('PATTERN_LIMIT', message, patterns);
  }
  const bytes = Hello.encode({ ...hello, topics: [] }).finish().length + START_BYTES;
  // Letters of patterns have one byte each; a number and a length come before each pattern.
  const all = topics.reduce((sum, topic) => sum + topic.length + 3, bytes);
  if (all <= helloBytes) return;
  const message = `all patterns, commands and labels of a node have room in ${helloBytes} bytes; with this one they take ${all}`;
  throw refusal('HELLO_TOO_LARGE', message, helloBytes);
}

function refusal(
  reason: 'PATTERN_LIMIT' | 'HELLO_TOO_LARGE',
  message: string,
  limit: number,
): KelpieError {
  return new KelpieError(reason, message, { metadata: { limit: String(limit) }, permanent: true });
}
