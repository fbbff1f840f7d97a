/** The one row of the routing rules, and the entry that writes it. */
import { Event } from '../../gen/ts/kelpie/v1/event.js';
import { RoutingTable } from '../../gen/ts/kelpie/v1/routing.js';
import type { Draft, Requirement } from '../journal/journal.js';
import type { Replaceable } from '../network/replacement.js';
import type { Table } from '../network/table.js';
import type { Tables } from '../network/tables.js';

/** The key of the row, and its topic. The row has no name of its own. */
const KEY = 'routing';
const NAME = '';
const EMPTY = RoutingTable.create();

export class RoutingRows implements Replaceable<RoutingTable> {
  readonly title = 'routing rules';
  readonly #table: Table<RoutingTable>;

  constructor(tables: Pick<Tables, 'table'>) {
    this.#table = tables.table(KEY, {
      decode: (bytes) => RoutingTable.decode(bytes),
      resource: (value) => ({ $case: 'routing', value }),
    });
  }

  /** The rules. */
  get value(): RoutingTable {
    return this.#table.get(NAME)?.value ?? EMPTY;
  }

  /** The sequence of the entry that last wrote the rules. 0: nobody has set any. */
  get sequence(): number {
    return this.#table.get(NAME)?.sequence ?? 0;
  }

  encode(table: RoutingTable): Uint8Array {
    return RoutingTable.encode(table).finish();
  }

  /** The requirement that the rules are still as they are now. */
  seen(): Requirement {
    return this.#table.seen(NAME);
  }

  /** Calls the watcher when the rules have changed. */
  watch(watcher: () => void): void {
    this.#table.watch(() => watcher());
  }

  /** The entry that replaces the rules. */
  draft(table: RoutingTable, time: Date): Draft {
    const body: Event['body'] = { $case: 'routingChanged', value: { table } };
    const event = Event.encode({ sequence: 0, topic: KEY, source: '', time, body }).finish();
    return { topic: KEY, event, source: '', key: KEY, value: this.encode(table) };
  }
}
