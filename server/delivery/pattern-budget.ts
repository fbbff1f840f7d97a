/**
 * Bounds the memory of patterns: of one reader, of all readers of a connection, and of all readers. A peer can
 * open many readers, so a bound for each reader alone is none.
 */
import { KelpieError } from '../core/errors.js';
import { checkPatternCount, type TopicFilter } from '../topics/filter.js';

/** About the memory of a pattern beside its letters: its places in the filter and in the index. */
const PATTERN_BYTES = 256;

export interface PatternLimits {
  /** Patterns of one reader. */
  readonly patterns: number;
  /** Patterns of one reader with wildcards and more than four tokens. */
  readonly longPatterns: number;
  /** Bytes of the patterns of one reader. */
  readonly patternBytes: number;
  /** Memory of the patterns of all readers on one connection, about. */
  readonly connectionPatternMemory: number;
  /** Memory of all patterns, about. */
  readonly patternMemory: number;
}

/** The room that the patterns of one reader take. */
export interface PatternHold {
  /** Takes the room of this filter in place of the former one. Throws PATTERN_LIMIT, and changes nothing. */
  take(filter: TopicFilter): void;
  /** Gives all of it back. Nothing is taken after that. */
  release(): void;
}

export class PatternBudget {
  readonly #limits: PatternLimits;
  readonly #connections = new Map<string, number>();
  #all = 0;

  constructor(limits: PatternLimits) {
    this.#limits = limits;
  }

  /** Memory that is taken now, about. */
  get taken(): number {
    return this.#all;
  }

  /** The hold of a reader. `connection`: what tells connections apart; undefined within the process. */
  hold(connection: string | undefined): PatternHold {
    let held = 0;
    let released = false;
    const resize = (memory: number): void => {
      this.#add(connection, memory - held);
      held = memory;
    };
    return {
      take: (filter) => {
        this.#checkReader(filter);
        const memory = filter.bytes + filter.patterns.size * PATTERN_BYTES;
        if (released) return;
        this.#checkRoom(connection, memory - held);
        resize(memory);
      },
      release: () => {
        released = true;
        resize(0);
      },
    };
  }

  #checkReader({ patterns, long, bytes }: TopicFilter): void {
    const { patterns: most, longPatterns, patternBytes } = this.#limits;
    checkPatternCount(patterns.size, most);
    if (long > longPatterns) {
      const what = `${long} patterns with wildcards and more than four tokens`;
      throw refusal(`${what} are too many for one reader`, longPatterns);
    }
    if (bytes > patternBytes) {
      throw refusal(`patterns of ${bytes} bytes are too many for one reader`, patternBytes);
    }
  }

  #checkRoom(connection: string | undefined, more: number): void {
    const { connectionPatternMemory, patternMemory } = this.#limits;
    if (connection !== undefined) {
      const taken = (this.#connections.get(connection) ?? 0) + more;
      if (taken > connectionPatternMemory) throw full('this connection', connectionPatternMemory);
    }
    if (this.#all + more > patternMemory) throw full('this coordinator', patternMemory);
  }

  #add(connection: string | undefined, memory: number): void {
    this.#all += memory;
    if (connection === undefined) return;
    const taken = (this.#connections.get(connection) ?? 0) + memory;
    if (taken > 0) this.#connections.set(connection, taken);
    else this.#connections.delete(connection);
  }
}

function full(where: string, limit: number): KelpieError {
  return refusal(`the patterns of all readers of ${where} take too many bytes of memory`, limit);
}

function refusal(what: string, limit: number): KelpieError {
  const message = `${what}; the limit is ${limit}; fewer and shorter patterns with wildcards may help`;
  return new KelpieError('PATTERN_LIMIT', message, { limit: String(limit) });
}
