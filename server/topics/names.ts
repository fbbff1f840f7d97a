/**
 * The names under which an index lists the readers of a topic. A pattern has one name: the pattern itself unless
 * it is long. A topic has at most 32 names, whatever patterns exist. So the readers of a topic are found with a
 * bounded number of look-ups, however many patterns peers hold, and however these patterns overlap.
 */
import { isClosed, isWild } from './topic.js';

/** Names contain wildcards in the first four tokens only: each token more would double the names of a topic. */
const TOKENS = 4;

/**
 * The name of a pattern. It matches every topic that the pattern matches. A pattern with wildcards and more than
 * four tokens shares its name with other patterns, so the caller must also compare the pattern with the topic.
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

/** The names of recent topics: a few topics come again and again, to every reader. */
const recent = new Map<string, readonly string[]>();
/** The limit of the letters of all names in `recent`. */
const LETTERS = 2 ** 20;
let letters = 0;

/** The names of all patterns that can match the topic. The topic itself comes first. */
export function namesOf(topic: string): readonly string[] {
  let names = recent.get(topic);
  if (names) return names;
  names = [topic, ...wildNames(topic.split('.'))];
  letters += names.reduce((sum, name) => sum + name.length, 0);
  if (letters > LETTERS) {
    recent.clear();
    letters = 0;
  }
  recent.set(topic, names);
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
  // The first one has no wildcard: it is the topic itself.
  yield* beginnings.slice(1);
}
