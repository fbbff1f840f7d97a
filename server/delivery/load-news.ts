/** What one session is told of how nodes do: the newest only, when it is pulled. */
import type { TopicFilter } from '../topics/filter.js';
import type { FramePart } from './frames.js';
import type { Loads } from '../nodes/loads.js';

export class LoadNews {
  readonly #loads: Loads;
  #seen = 0;
  #due = false;

  constructor(loads: Loads) {
    this.#loads = loads;
  }

  /** An interval is over: whether there is something that was not told yet. */
  endInterval(): boolean {
    this.#due = this.#loads.interval.version !== this.#seen;
    return this.#due;
  }

  /** What was told since the last time, of the nodes that the filter matches; the rest is due then. */
  take(filter: TopicFilter | undefined): FramePart | undefined {
    if (!this.#due || !filter) return undefined;
    const { interval } = this.#loads;
    const { part, upTo } = interval.share(this.#seen, filter);
    this.#seen = upTo;
    this.#due = upTo < interval.version;
    return part;
  }
}
