/** The rows of shared values, the index of their owners, and the entries that write them. */
import { StateRow } from '../../gen/ts/kelpie/storage/v1/state_row.js';
import { Event, type StateEndReason, StateValue } from '../../gen/ts/kelpie/v1/event.js';
import { msOf } from '../core/duration.js';
import { type Group, Groups } from '../core/groups.js';
import type { Draft, Requirement } from '../journal/journal.js';
import type { Folded, Table } from '../network/table.js';
import type { Tables } from '../network/tables.js';

const NO_INSTANCE = new Uint8Array();

/** A value's row in memory: its bytes, which the journal also has, and the decoded fields of indexes and checks. */
export class ValueRow {
  /** The node that the value ends with; empty: none. */
  readonly owner: string;
  /** The process of the owner. */
  readonly instance: Uint8Array;
  /** The time that the value has; undefined: it does not end by itself. */
  readonly ttlMs: number | undefined;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, { value, ownerInstanceId }: StateRow) {
    this.owner = value?.owner ?? '';
    // A copy: a view would keep all bytes of a page of rows in memory.
    this.instance = ownerInstanceId.slice();
    this.ttlMs = value?.ttl && msOf(value.ttl);
    this.#bytes = bytes;
  }

  get bytes(): number {
    return this.#bytes.length;
  }

  /** The value; decoded each time. */
  get value(): StateValue {
    return StateRow.decode(this.#bytes).value ?? StateValue.create();
  }
}

export class ValueRows {
  readonly #table: Table<ValueRow>;
  readonly #owned = new Groups();
  #bytes = 0;

  constructor(tables: Pick<Tables, 'table'>) {
    this.#table = tables.table('state/', {
      decode: (bytes) => new ValueRow(bytes, StateRow.decode(bytes)),
      resource: (row) => ({ $case: 'state', value: row.value }),
    });
    this.#table.watch((name, before, after) => {
      this.#bytes += (after?.value.bytes ?? 0) - (before?.value.bytes ?? 0);
      if (before && before.value.owner !== '') this.#owned.remove(before.value.owner, name);
      if (after && after.value.owner !== '') this.#owned.add(after.value.owner, name);
    });
  }

  /** The rows by name, see `nameOfValue`. */
  get table(): Table<ValueRow> {
    return this.#table;
  }

  get(name: string): Folded<ValueRow> | undefined {
    return this.#table.get(name);
  }

  /** The names of the values that end with a node. */
  ownedBy(node: string): Group {
    return this.#owned.get(node);
  }

  get size(): number {
    return this.#table.size;
  }

  /** The bytes of all rows. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The requirement that the value's row has this sequence; 0: that it is absent. */
  at(name: string, sequence: number): Requirement {
    return { key: this.#table.keyOf(name), sequence };
  }

  /** The entry that stores a value. `instance`: the owner's process. `source`: the node that writes it. */
  putDraft(
    name: string,
    value: StateValue,
    instance: Uint8Array = NO_INSTANCE,
    source = '',
  ): Draft {
    const row = StateRow.encode({ value, ownerInstanceId: instance }).finish();
    const body = { $case: 'stateChanged', value: { value } } as const;
    return this.#draft(name, value.updateTime, body, row, source);
  }

  /** The entry that ends a value. */
  endDraft(
    name: string,
    { value }: ValueRow,
    reason: StateEndReason,
    time: Date,
    source = '',
  ): Draft {
    const ended = { value: { ...value, content: undefined }, reason };
    return this.#draft(name, time, { $case: 'stateDeleted', value: ended }, null, source);
  }

  #draft(
    name: string,
    time: Date | undefined,
    body: NonNullable<Event['body']>,
    row: Uint8Array | null,
    source: string,
  ): Draft {
    const topic = this.#table.topicOf(name);
    const event = Event.encode({ sequence: 0, topic, source, time, body }).finish();
    return { topic, event, source, key: this.#table.keyOf(name), value: row };
  }
}
