/**
 * The names under which the readers of a topic are filed. A pattern is filed under one name, which is the
 * pattern itself unless it is long; a topic has at most 32 names, whatever patterns there are. So finding
 * the readers of a topic is a bounded number of look-ups, however many patterns peers hold, and however
 * these overlap.
 */
import { isClosed, isWild } from './topic.js';

/** Wildcards after so many tokens are not looked up: each token more doubles the names of a topic. */
const TOKENS = 4;

/**
 * The name of a pattern: it matches every topic that the pattern matches. A pattern with wildcards and more
 * than four tokens shares its name with others, so it must be compared with the topic as well.
 */
export function nameOf(pattern: string): string {
  if (!isWild(pattern)) return pattern;
  let end = -1;
  for (let token = 0; token < TOKENS; token++) {
    end = pattern.indexOf('.', end + 1);
    if (end < 0) return pattern;
  }
  return `${pattern.slice(0, end)}.>`;
}

/** Names of topics that came lately: the same few come again and again, to every reader. */
const known = new Map<string, readonly string[]>();
/** Letters of all names that are remembered. */
const LETTERS = 2 ** 20;
let letters = 0;

/** All names under which a pattern can be filed that matches the topic: the topic itself first. */
export function namesOf(topic: string): readonly string[] {
  let names = known.get(topic);
  if (names) return names;
  names = [topic, ...wildNames(topic.split('.'))];
  letters += names.reduce((sum, name) => sum + name.length, 0);
  if (letters > LETTERS) {
    known.clear();
    letters = 0;
  }
  known.set(topic, names);
  return names;
}

function* wildNames(tokens: readonly string[]): Generator<string> {
  const closed = isClosed(tokens[0] ?? '');
  let beginnings = [''];
  for (const [at, token] of tokens.entries()) {
    const wild = at > 0 || !closed;
    if (wild) for (const beginning of beginnings) yield `${beginning}>`;
    if (at === TOKENS) return;
    const dot = at === tokens.length - 1 ? '' : '.';
    beginnings = beginnings.flatMap((beginning) => [
      `${beginning}${token}${dot}`,
      ...(wild ? [`${beginning}*${dot}`] : []),
    ]);
  }
  // The first of them has no wildcard.
  yield* beginnings.slice(1);
}
