/**
 * Bounds the memory of patterns: of one reader, of all readers of a connection, of a peer, and of all readers. A peer
 * can open many readers and many connections, so a bound for each reader alone is none.
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
  /** Memory of the patterns of all readers of one peer, about. */
  readonly peerPatternMemory: number;
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
  readonly #connections = new Shares('this connection');
  readonly #peers = new Shares('this credential or address');
  #all = 0;

  constructor(limits: PatternLimits) {
    this.#limits = limits;
  }

  /** Memory that is taken now, about. */
  get taken(): number {
    return this.#all;
  }

  /** The hold of a reader. `connection`: what tells connections apart; undefined within the process. */
  hold(connection: string | undefined, peer: string): PatternHold {
    let held = 0;
    let released = false;
    const resize = (memory: number): void => {
      this.#all += memory - held;
      if (connection !== undefined) {
        this.#connections.add(connection, memory - held);
        this.#peers.add(peer, memory - held);
      }
      held = memory;
    };
    return {
      take: (filter) => {
        this.#checkReader(filter);
        const memory = filter.bytes + filter.patterns.size * PATTERN_BYTES;
        if (released) return;
        if (connection !== undefined) {
          const { connectionPatternMemory, peerPatternMemory } = this.#limits;
          this.#connections.check(connection, memory - held, connectionPatternMemory);
          this.#peers.check(peer, memory - held, peerPatternMemory);
        }
        const { patternMemory } = this.#limits;
        if (this.#all + memory - held > patternMemory)
          throw full('this coordinator', patternMemory);
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
}

/** The memory that each of several owners takes. */
class Shares {
  readonly #what: string;
  readonly #taken = new Map<string, number>();

  constructor(what: string) {
    this.#what = what;
  }

  check(owner: string, more: number, limit: number): void {
    if ((this.#taken.get(owner) ?? 0) + more > limit) throw full(this.#what, limit);
  }

  add(owner: string, memory: number): void {
    const taken = (this.#taken.get(owner) ?? 0) + memory;
    if (taken > 0) this.#taken.set(owner, taken);
    else this.#taken.delete(owner);
  }
}

function full(where: string, limit: number): KelpieError {
  return refusal(`the patterns of all readers of ${where} take too many bytes of memory`, limit);
}

function refusal(what: string, limit: number): KelpieError {
  const message = `${what}; the limit is ${limit}; fewer and shorter patterns with wildcards may help`;
  return new KelpieError('PATTERN_LIMIT', message, { limit: String(limit) });
}
