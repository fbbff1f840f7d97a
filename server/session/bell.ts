/**
 * Who is to be told of which entry: an index from topics to the feeds that match them, so that an
 * event costs the sessions that do not read it nothing.
 */
import type { Network } from '../domain/network.js';
import type { Entry } from '../journal/journal.js';
import type { Feed } from './feed.js';

/** Topics that are remembered; the index is built again from the feeds when there are more. */
const TOPICS = 4096;

export class Bell {
  readonly #feeds = new Set<Feed>();
  readonly #index = new Map<string, Set<Feed>>();

  constructor(network: Network) {
    network.onEntries((entries) => this.#ring(entries));
  }

  add(feed: Feed): void {
    this.#feeds.add(feed);
    this.refresh(feed);
  }

  /** The feed's filter has changed. */
  refresh(feed: Feed): void {
    for (const [topic, feeds] of this.#index) {
      if (feed.filter.matches(topic)) feeds.add(feed);
      else feeds.delete(feed);
    }
  }

  remove(feed: Feed): void {
    this.#feeds.delete(feed);
    for (const feeds of this.#index.values()) feeds.delete(feed);
  }

  /** Feeds that hang on the bell. */
  get size(): number {
    return this.#feeds.size;
  }

  #ring(entries: readonly Entry[]): void {
    for (const { topic, sequence, event } of entries) {
      if (event.length === 0) continue;
      for (const feed of this.#matching(topic)) feed.ring(sequence);
    }
  }

  #matching(topic: string): Set<Feed> {
    let feeds = this.#index.get(topic);
    if (!feeds) {
      if (this.#index.size >= TOPICS) this.#index.clear();
      feeds = new Set([...this.#feeds].filter((feed) => feed.filter.matches(topic)));
      this.#index.set(topic, feeds);
    }
    return feeds;
  }
}
