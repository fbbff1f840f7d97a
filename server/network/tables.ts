/** All kinds of rows of one network. Each subject registers its own kind; this file names none of them. */
import type { Row } from '../../gen/ts/kelpie/v1/stream.js';
import type { TopicFilter } from '../topics/filter.js';
import { type Codec, Table, type Write } from './table.js';

export class Tables {
  readonly #all: Pick<Table<unknown>, 'fold' | 'resources'>[] = [];

  /** Registers the rows whose keys begin with the prefix. Call it before the first `fold`. */
  table<T>(prefix: string, codec: Codec<T>): Table<T> {
    const table = new Table(prefix, codec);
    this.#all.push(table);
    return table;
  }

  fold(write: Write): void {
    for (const table of this.#all) table.fold(write);
  }

  /** All rows that match a filter, kind by kind, in the order of registration; undefined: see `Table.resources`. */
  *resources(filter: TopicFilter): Generator<Row | undefined> {
    for (const table of this.#all) yield* table.resources(filter);
  }
}
