/**
 * Who is to be told of which entry. Feeds are filed under the names of their patterns, and a topic is
 * looked up under the few names that it has. So an event costs the sessions that do not read it nothing,
 * however many patterns they have, and a session that comes costs the topics nothing.
 *
 * A feed with a long pattern may be rung for an entry that does not match: its own filter decides.
 */
import type { TopicFilter } from '../topics/filter.js';
import { namesOf } from '../topics/names.js';
import type { Network } from '../network/network.js';
import type { Entry } from '../journal/journal.js';
import type { Feed } from './feed.js';

export class Bell {
  /** Under what each feed is filed. */
  readonly #filters = new Map<Feed, TopicFilter>();
  readonly #feeds = new Map<string, Set<Feed>>();

  constructor(network: Network) {
    network.onEntries((entries) => this.#ring(entries));
  }

  /** Takes a feed in, or its new filter. */
  hang(feed: Feed): void {
    const former = this.#filters.get(feed);
    const names = new Set(feed.filter.names());
    for (const name of names) this.#under(name).add(feed);
    for (const name of former?.names() ?? []) if (!names.has(name)) this.#unhang(name, feed);
    this.#filters.set(feed, feed.filter);
  }

  remove(feed: Feed): void {
    for (const name of this.#filters.get(feed)?.names() ?? []) this.#unhang(name, feed);
    this.#filters.delete(feed);
  }

  /** Feeds that hang on the bell. */
  get size(): number {
    return this.#filters.size;
  }

  #under(name: string): Set<Feed> {
    let feeds = this.#feeds.get(name);
    if (!feeds) this.#feeds.set(name, (feeds = new Set()));
    return feeds;
  }

  #unhang(name: string, feed: Feed): void {
    const feeds = this.#feeds.get(name);
    feeds?.delete(feed);
    if (feeds?.size === 0) this.#feeds.delete(name);
  }

  #ring(entries: readonly Entry[]): void {
    for (const { topic, sequence, event } of entries) {
      if (event.length === 0) continue;
      for (const name of namesOf(topic)) {
        const feeds = this.#feeds.get(name);
        if (feeds) for (const feed of feeds) feed.ring(sequence);
      }
    }
  }
}
