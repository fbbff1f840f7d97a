/**
 * Which readers an entry concerns. The index files each reader under the names of its patterns, and looks a
 * topic up under the few names that it has. So an event costs nothing for sessions that do not read it,
 * however many patterns they have, and a new session costs nothing for topics.
 *
 * The index may notify a reader with a long pattern of an entry that does not match: the reader's filter decides.
 */
import type { TopicFilter } from '../topics/filter.js';
import { namesOf } from '../topics/names.js';
import type { Network } from '../network/network.js';
import type { Entry } from '../journal/journal.js';

/** A reader that the index notifies. */
export interface Subscriber {
  readonly filter: TopicFilter;
  /** The entry at this sequence may match the filter. */
  notify(sequence: number): void;
}

export class SubscriptionIndex {
  /** The filter under which each reader is filed. */
  readonly #filters = new Map<Subscriber, TopicFilter>();
  readonly #named = new Map<string, Set<Subscriber>>();

  constructor(network: Pick<Network, 'onEntries'>) {
    network.onEntries((entries) => this.#notify(entries));
  }

  /** Files a reader under its filter, in place of its former filter. */
  put(reader: Subscriber): void {
    const former = this.#filters.get(reader);
    const names = new Set(reader.filter.names());
    for (const name of names) this.#under(name).add(reader);
    for (const name of former?.names() ?? []) if (!names.has(name)) this.#takeOut(name, reader);
    this.#filters.set(reader, reader.filter);
  }

  remove(reader: Subscriber): void {
    for (const name of this.#filters.get(reader)?.names() ?? []) this.#takeOut(name, reader);
    this.#filters.delete(reader);
  }

  /** Readers in the index. */
  get size(): number {
    return this.#filters.size;
  }

  #under(name: string): Set<Subscriber> {
    let readers = this.#named.get(name);
    if (!readers) this.#named.set(name, (readers = new Set()));
    return readers;
  }

  #takeOut(name: string, reader: Subscriber): void {
    const readers = this.#named.get(name);
    readers?.delete(reader);
    if (readers?.size === 0) this.#named.delete(name);
  }

  #notify(entries: readonly Entry[]): void {
    for (const { topic, sequence, event } of entries) {
      if (event.length === 0) continue;
      for (const name of namesOf(topic)) {
        const readers = this.#named.get(name);
        if (readers) for (const reader of readers) reader.notify(sequence);
      }
    }
  }
}
