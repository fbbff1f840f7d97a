/** The rows of tickets: players on the way to another proxy. No reader sees them. */
import { TicketRow } from '../../gen/ts/kelpie/storage/v1/transfer_rows.js';
import { sameBytes } from '../core/cursor.js';
import { msOf } from '../core/duration.js';
import { Groups } from '../core/groups.js';
import type { Draft, Requirement } from '../journal/journal.js';
import type { Folded, Table } from '../network/table.js';
import type { Tables } from '../network/tables.js';

/** The topic of entries about tickets. No pattern matches it. */
const HIDDEN_TOPIC = 'kelpie.tickets';
const NO_EVENT = new Uint8Array();
/** About the memory of a ticket beside its bytes. */
const OVERHEAD_BYTES = 512;

/** The row of a ticket, and its weight in memory. */
export interface StoredTicket extends TicketRow {
  readonly bytes: number;
}

export class TicketRows {
  readonly table: Table<StoredTicket>;
  /** The ids of players, by the proxy that their tickets name. */
  readonly byProxy = new Groups();
  readonly #byUuid = new Groups();
  #bytes = 0;

  constructor(tables: Pick<Tables, 'table'>) {
    this.table = tables.table('tickets/', {
      decode: (bytes) => ({ ...TicketRow.decode(bytes), bytes: weightOf(bytes) }),
    });
    this.table.watch((id, before, after) => {
      if (before) this.#remove(id, before.value);
      if (after) this.#add(id, after.value);
    });
  }

  #add(id: string, { proxy, uuid, bytes }: StoredTicket): void {
    this.byProxy.add(proxy, id);
    if (uuid !== '') this.#byUuid.add(uuid, id);
    this.#bytes += bytes;
  }

  #remove(id: string, { proxy, uuid, bytes }: StoredTicket): void {
    this.byProxy.remove(proxy, id);
    if (uuid !== '') this.#byUuid.remove(uuid, id);
    this.#bytes -= bytes;
  }

  /** The tickets under one of these ids, or of a player with the UUID: a person may log in under several ids. */
  of(ids: Iterable<string>, uuid: string): Map<string, Folded<StoredTicket>> {
    const all = uuid === '' ? ids : [...ids, ...this.#byUuid.get(uuid)];
    const found = new Map<string, Folded<StoredTicket>>();
    for (const id of all) {
      const row = this.table.get(id);
      if (row) found.set(id, row);
    }
    return found;
  }

  /** The requirement that the player's ticket is still as it is now. */
  seen(id: string): Requirement {
    return this.table.seen(id);
  }

  /** The entry that stores a ticket. */
  draft(id: string, row: TicketRow): Draft {
    return this.#draft(id, TicketRow.encode(row).finish());
  }

  /** The entry that ends a ticket. */
  endDraft(id: string): Draft {
    return this.#draft(id, null);
  }

  #draft(id: string, value: Uint8Array | null): Draft {
    return { topic: HIDDEN_TOPIC, event: NO_EVENT, source: '', key: this.table.keyOf(id), value };
  }

  /** The memory of all tickets. */
  get bytes(): number {
    return this.#bytes;
  }
}

/** About the memory of a ticket with an encoded row. */
export function weightOf(row: Uint8Array): number {
  return row.length + OVERHEAD_BYTES;
}

/** Whether the ticket is for this process. */
export function isFor(
  { name, instance }: { readonly name: string; readonly instance: Uint8Array },
  { proxy, proxyInstanceId }: TicketRow,
): boolean {
  return proxy === name && sameBytes(proxyInstanceId, instance);
}

/** The time that a ticket has. */
export function ttlMsOf({ ttl }: TicketRow): number {
  return ttl ? msOf(ttl) : 0;
}
