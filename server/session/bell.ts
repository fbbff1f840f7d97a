/**
 * Who is to be told of which entry. Feeds hang under the patterns that they read, and a topic is
 * looked up once: as a name, and in the few patterns with wildcards that there are. So an event costs
 * the sessions that do not read it nothing, and a session that comes costs the topics nothing.
 */
import { PatternTree } from '../core/pattern-tree.js';
import { isWild } from '../core/topic.js';
import type { Network } from '../domain/network.js';
import type { Entry } from '../journal/journal.js';
import type { Feed } from './feed.js';

/** Topics of which it is remembered which patterns with wildcards match them. */
const TOPICS = 4096;

export class Bell {
  /** Under what each feed hangs. */
  readonly #names = new Map<Feed, ReadonlySet<string>>();
  readonly #feeds = new Map<string, Set<Feed>>();
  readonly #wild = new PatternTree();
  /** The patterns with wildcards that match a topic. */
  readonly #matching = new Map<string, readonly string[]>();

  constructor(network: Network) {
    network.onEntries((entries) => this.#ring(entries));
  }

  /** Takes a feed in, or its new filter. */
  hang(feed: Feed): void {
    this.#change(feed, feed.filter.names);
  }

  remove(feed: Feed): void {
    this.#change(feed, new Set());
    this.#names.delete(feed);
  }

  #change(feed: Feed, names: ReadonlySet<string>): void {
    const former = this.#names.get(feed);
    this.#names.set(feed, names);
    for (const name of names) if (!former?.has(name)) this.#under(name).add(feed);
    for (const name of former ?? []) if (!names.has(name)) this.#unhang(name, feed);
  }

  /** Feeds that hang on the bell. */
  get size(): number {
    return this.#names.size;
  }

  #under(name: string): Set<Feed> {
    let feeds = this.#feeds.get(name);
    if (!feeds) {
      feeds = new Set();
      this.#feeds.set(name, feeds);
      if (isWild(name)) {
        this.#wild.add(name);
        this.#matching.clear();
      }
    }
    return feeds;
  }

  #unhang(name: string, feed: Feed): void {
    const feeds = this.#feeds.get(name);
    feeds?.delete(feed);
    if (feeds?.size !== 0) return;
    this.#feeds.delete(name);
    if (!isWild(name)) return;
    this.#wild.remove(name);
    this.#matching.clear();
  }

  #ring(entries: readonly Entry[]): void {
    for (const { topic, sequence, event } of entries) {
      if (event.length === 0) continue;
      this.#ringAll(topic, sequence);
      for (const pattern of this.#wildFor(topic)) this.#ringAll(pattern, sequence);
    }
  }

  #ringAll(name: string, sequence: number): void {
    const feeds = this.#feeds.get(name);
    if (feeds) for (const feed of feeds) feed.ring(sequence);
  }

  #wildFor(topic: string): readonly string[] {
    let patterns = this.#matching.get(topic);
    if (!patterns) {
      if (this.#matching.size >= TOPICS) this.#matching.clear();
      patterns = this.#wild.matching(topic);
      this.#matching.set(topic, patterns);
    }
    return patterns;
  }
}
