/** Decides which entries one reader gets. */
import { KelpieError } from '../core/errors.js';
import { covers, isReserved, isWild, matches, reaches } from './topic.js';
import { nameOf, namesOf } from './names.js';

/** Topics and sources that depend on the reader's identity, not on its patterns. */
export interface OwnTopics {
  /** The topic of the reader's inbox. The reader gets it without a pattern. */
  readonly inbox?: string;
  /** The source whose entries the reader does not want: the reader itself. */
  readonly excluded?: string;
}

/** The topics that one reader gets: its patterns, and its inbox if it has one. */
export class TopicFilter {
  readonly #patterns: ReadonlySet<string>;
  readonly #own: OwnTopics;
  /** Whether any pattern has wildcards. */
  readonly #wild: boolean;
  /** Patterns with wildcards and more than four tokens, by the name that they share, see `nameOf`. */
  readonly #long: ReadonlyMap<string, readonly string[]>;
  /** The answers that `reaches` gave, by prefix. */
  readonly #reached = new Map<string, boolean>();
  /** The bytes of all patterns together. */
  readonly bytes: number;
  /** The number of patterns in `#long`: `matches` compares a topic with these letter by letter. */
  readonly long: number;

  constructor(patterns: Iterable<string>, own: OwnTopics = {}) {
    this.#patterns = new Set(patterns);
    this.#own = own;
    const long = new Map<string, string[]>();
    let bytes = 0;
    let count = 0;
    let wild = false;
    for (const pattern of this.#patterns) {
      // Patterns have passed `checkPattern`: each letter is one byte.
      bytes += pattern.length;
      wild ||= isWild(pattern);
      const name = nameOf(pattern);
      if (name === pattern) continue;
      count += 1;
      const sharing = long.get(name);
      if (sharing) sharing.push(pattern);
      else long.set(name, [pattern]);
    }
    this.#long = long;
    this.#wild = wild;
    this.bytes = bytes;
    this.long = count;
  }

  /** Whether any pattern can match the topic of a resource (node, player, state, routing). */
  get hasResources(): boolean {
    for (const pattern of this.#patterns) if (isOfResources(pattern)) return true;
    return false;
  }

  get patterns(): ReadonlySet<string> {
    return this.#patterns;
  }

  /** The names under which an index lists the reader, see `nameOf`. */
  *names(): Generator<string> {
    const { inbox } = this.#own;
    if (inbox !== undefined) yield inbox;
    for (const pattern of this.#patterns) yield nameOf(pattern);
  }

  matches(topic: string): boolean {
    if (this.#patterns.has(topic) || topic === this.#own.inbox) return true;
    if (!this.#wild) return false;
    for (const name of namesOf(topic)) {
      if (this.#patterns.has(name)) return true;
      if (this.#long.size > 0 && this.#long.get(name)?.some((one) => matches(one, topic))) {
        return true;
      }
    }
    return false;
  }

  /** Whether one of the patterns matches every topic that the given pattern matches. */
  covers(pattern: string): boolean {
    if (!isWild(pattern)) return this.matches(pattern);
    if (this.#patterns.has(pattern)) return true;
    // The names of a pattern read as a topic: they hold all names of the patterns that cover it, and some others.
    return namesOf(pattern).some(
      (name) =>
        (this.#patterns.has(name) && covers(name, pattern)) ||
        this.#long.get(name)?.some((one) => covers(one, pattern)),
    );
  }

  /** Whether `prefix`, or any topic below it, matches. Keeps every answer: for the few prefixes of the settings. */
  reaches(prefix: string): boolean {
    let reached = this.#reached.get(prefix);
    if (reached === undefined) {
      const { inbox } = this.#own;
      const all = inbox === undefined ? this.#patterns : [...this.#patterns, inbox];
      reached = [...all].some((pattern) => reaches(pattern, prefix));
      this.#reached.set(prefix, reached);
    }
    return reached;
  }

  /** Whether the reader gets an entry. */
  takes({ topic, source }: { readonly topic: string; readonly source: string }): boolean {
    return this.matches(topic) && (source === '' || source !== this.#own.excluded);
  }

  /** Whether the reader does not want entries of one of these sources. */
  excludes(sources: ReadonlySet<string>): boolean {
    return this.#own.excluded !== undefined && sources.has(this.#own.excluded);
  }

  /** A filter of the same reader with other patterns. */
  with(add: Iterable<string>, remove: Iterable<string>): TopicFilter {
    const patterns = new Set(this.#patterns);
    for (const pattern of remove) patterns.delete(pattern);
    for (const pattern of add) patterns.add(pattern);
    return new TopicFilter(patterns, this.#own);
  }

  /** The patterns that can match resources, which a Snapshot shows. */
  resourcePatterns(): readonly string[] {
    return [...this.#patterns].filter(isOfResources);
  }
}

/** Throws PATTERN_LIMIT if a reader would have too many patterns. */
export function checkPatternCount(patterns: number, limit: number): void {
  if (patterns <= limit) return;
  throw new KelpieError(
    'PATTERN_LIMIT',
    `${patterns} patterns are too many for one reader; the limit is ${limit}; use fewer patterns, with wildcards`,
    { limit: String(limit) },
  );
}

function isOfResources(pattern: string): boolean {
  return isReserved(pattern.split('.', 1)[0] ?? '');
}
