/** What one reader gets of all topics. */
import { PatternTree } from './pattern-tree.js';
import { isReserved, isWild, reaches } from './topic.js';

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
  readonly #wild: readonly string[];
  readonly #resources: readonly string[];
  readonly #own: OwnTopics;
  /** Made when it is asked for: a reader may change its patterns often and hear of few topics. */
  #tree: PatternTree | undefined;

  constructor(patterns: Iterable<string>, own: OwnTopics = {}) {
    this.#patterns = new Set(patterns);
    this.#wild = [...this.#patterns].filter(isWild);
    this.#resources = [...this.#patterns].filter((one) => isReserved(one.split('.')[0] ?? ''));
    this.#own = own;
  }

  /** Whether any pattern can match resources. */
  get hasResources(): boolean {
    return this.#resources.length > 0;
  }

  get patterns(): ReadonlySet<string> {
    return this.#patterns;
  }

  /** The patterns, and the inbox that needs none. */
  get names(): ReadonlySet<string> {
    const { inbox } = this.#own;
    return inbox === undefined ? this.#patterns : new Set(this.#patterns).add(inbox);
  }

  matches(topic: string): boolean {
    if (this.#patterns.has(topic) || topic === this.#own.inbox) return true;
    if (this.#wild.length === 0) return false;
    this.#tree ??= new PatternTree(this.#wild);
    return this.#tree.matches(topic);
  }

  /** Whether any topic matches that is `prefix` or lies below it. */
  reaches(prefix: string): boolean {
    for (const name of this.names) if (reaches(name, prefix)) return true;
    return false;
  }

  /** Whether the reader gets an entry, rung for it or not. */
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
    return this.#resources;
  }
}
