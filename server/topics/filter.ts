/** What one reader gets of all topics. */
import { KelpieError } from '../core/errors.js';
import { isReserved, isWild, matches, reaches } from './topic.js';
import { nameOf, namesOf } from './names.js';

/** What a reader gets, or does not get, because of who it is. */
export interface OwnTopics {
  /** Its inbox, which needs no pattern. */
  readonly inbox?: string;
  /** A source whose entries it does not want: itself. */
  readonly excluded?: string;
}

/** The topics that one reader gets: its patterns, and its inbox if it has one. */
export class TopicFilter {
  readonly #patterns: ReadonlySet<string>;
  readonly #own: OwnTopics;
  /** Whether any pattern has wildcards. */
  readonly #wild: boolean;
  /** Patterns that share their names, by these. */
  readonly #long: ReadonlyMap<string, readonly string[]>;
  /** Whether topics of a prefix match, as far as that was asked. */
  readonly #reached = new Map<string, boolean>();
  /** Bytes of all patterns. */
  readonly bytes: number;
  /** Patterns with wildcards and more than four tokens: with these each topic is compared, letter by letter. */
  readonly long: number;

  constructor(patterns: Iterable<string>, own: OwnTopics = {}) {
    this.#patterns = new Set(patterns);
    this.#own = own;
    const long = new Map<string, string[]>();
    let bytes = 0;
    let count = 0;
    let wild = false;
    for (const pattern of this.#patterns) {
      // Patterns have passed their check: a letter is a byte.
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

  /** Whether any pattern can match resources. */
  get hasResources(): boolean {
    for (const pattern of this.#patterns) if (isOfResources(pattern)) return true;
    return false;
  }

  get patterns(): ReadonlySet<string> {
    return this.#patterns;
  }

  /** The names under which the reader is filed, see `nameOf`. */
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

  /** Whether any topic matches that is `prefix` or lies below it. For the few prefixes of the settings. */
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

  /** Whether the reader leaves out entries of any of these sources. */
  excludes(sources: ReadonlySet<string>): boolean {
    return this.#own.excluded !== undefined && sources.has(this.#own.excluded);
  }

  /** The same reader with other patterns. */
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
    `${patterns} patterns are too many for one reader; the limit is ${limit}; wildcards may help`,
    { limit: String(limit) },
  );
}

function isOfResources(pattern: string): boolean {
  return isReserved(pattern.split('.', 1)[0] ?? '');
}
