/**
 * Which feeds an entry concerns. The index files each feed under the names of its patterns, and looks a
 * topic up under the few names that it has. So an event costs nothing for sessions that do not read it,
 * however many patterns they have, and a new session costs nothing for topics.
 *
 * The index may notify a feed with a long pattern of an entry that does not match: the feed's filter decides.
 */
import type { TopicFilter } from '../topics/filter.js';
import { namesOf } from '../topics/names.js';
import type { Network } from '../network/network.js';
import type { Entry } from '../journal/journal.js';
import type { Feed } from './feed.js';

export class SubscriptionIndex {
  /** The filter under which each feed is filed. */
  readonly #filters = new Map<Feed, TopicFilter>();
  readonly #feeds = new Map<string, Set<Feed>>();

  constructor(network: Network) {
    network.onEntries((entries) => this.#notify(entries));
  }

  /** Files a feed under its filter, in place of a former one. */
  put(feed: Feed): void {
    const former = this.#filters.get(feed);
    const names = new Set(feed.filter.names());
    for (const name of names) this.#under(name).add(feed);
    for (const name of former?.names() ?? []) if (!names.has(name)) this.#takeOut(name, feed);
    this.#filters.set(feed, feed.filter);
  }

  remove(feed: Feed): void {
    for (const name of this.#filters.get(feed)?.names() ?? []) this.#takeOut(name, feed);
    this.#filters.delete(feed);
  }

  /** Feeds in the index. */
  get size(): number {
    return this.#filters.size;
  }

  #under(name: string): Set<Feed> {
    let feeds = this.#feeds.get(name);
    if (!feeds) this.#feeds.set(name, (feeds = new Set()));
    return feeds;
  }

  #takeOut(name: string, feed: Feed): void {
    const feeds = this.#feeds.get(name);
    feeds?.delete(feed);
    if (feeds?.size === 0) this.#feeds.delete(name);
  }

  #notify(entries: readonly Entry[]): void {
    for (const { topic, sequence, event } of entries) {
      if (event.length === 0) continue;
      for (const name of namesOf(topic)) {
        const feeds = this.#feeds.get(name);
        if (feeds) for (const feed of feeds) feed.notify(sequence);
      }
    }
  }
}
