/** What one session is told of how nodes do: the newest only, when it is pulled. */
import type { TopicFilter } from '../core/topic-filter.js';
import type { NodeTables } from '../domain/node-tables.js';
import type { Frame } from './frames.js';
import type { Loads } from './loads.js';

export class LoadNews {
  readonly #loads: Loads;
  readonly #tables: NodeTables;
  #seen = 0;
  #due = false;

  constructor(loads: Loads, tables: NodeTables) {
    this.#loads = loads;
    this.#tables = tables;
  }

  /** The interval is over: whether there is something that was not told yet. */
  ring(): boolean {
    this.#due = this.#loads.version !== this.#seen;
    return this.#due;
  }

  /** What was told since the last time, of the nodes that the filter matches. */
  take(filter: TopicFilter | undefined): Frame | undefined {
    if (!this.#due) return undefined;
    const loads = this.#loads
      .since(this.#seen)
      .filter(({ name }) => filter?.matches(this.#tables.topicOf(name)));
    this.#due = false;
    this.#seen = this.#loads.version;
    return loads.length > 0 ? { $case: 'nodeLoads', value: { loads } } : undefined;
  }
}
