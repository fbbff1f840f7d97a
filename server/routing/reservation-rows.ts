/** The rows of reservations, with the slots that they hold on each node, and the entries that write them. */
import { ReservationRow, SlotsRow } from '../../gen/ts/kelpie/storage/v1/transfer_rows.js';
import { Groups } from '../core/groups.js';
import type { Draft, Requirement } from '../journal/journal.js';
import type { Table } from '../network/table.js';
import type { Tables } from '../network/tables.js';

/** The topic of the entries. No pattern matches it, and these entries are no events. */
const TOPIC = 'kelpie.reservations';
const NO_EVENT = new Uint8Array();

export class ReservationRows {
  /** The reservations, `reservations/<id>`. */
  readonly table: Table<ReservationRow>;
  /** The ids of the reservations on each node. */
  readonly onNode = new Groups();
  /** The ids of the reservations that each node owns. */
  readonly ofOwner = new Groups();
  /** The ids of the reservations that transfers of a player hold. */
  readonly ofPlayer = new Groups();
  /** `slots/<node>`: absent while nothing is reserved on the node. */
  readonly #marks: Table<SlotsRow>;
  readonly #slots = new Map<string, number>();

  constructor(tables: Pick<Tables, 'table'>) {
    this.table = tables.table('reservations/', { decode: (bytes) => ReservationRow.decode(bytes) });
    this.#marks = tables.table('slots/', { decode: (bytes) => SlotsRow.decode(bytes) });
    this.table.watch((id, before, after) => {
      if (before) this.#remove(id, before.value);
      if (after) this.#add(id, after.value);
    });
  }

  #add(id: string, { node, owner, slots, playerId }: ReservationRow): void {
    this.onNode.add(node, id);
    if (playerId !== '') this.ofPlayer.add(playerId, id);
    if (owner !== '') this.ofOwner.add(owner, id);
    this.#slots.set(node, this.slotsOn(node) + slots);
  }

  #remove(id: string, { node, owner, slots, playerId }: ReservationRow): void {
    this.onNode.remove(node, id);
    if (playerId !== '') this.ofPlayer.remove(playerId, id);
    if (owner !== '') this.ofOwner.remove(owner, id);
    const left = this.slotsOn(node) - slots;
    if (left === 0) this.#slots.delete(node);
    else this.#slots.set(node, left);
  }

  /** The slots that reservations hold on a node. */
  slotsOn(node: string): number {
    return this.#slots.get(node) ?? 0;
  }

  /** The requirement of every write of a reservation on a node: nobody wrote another one since. */
  seen(node: string): Requirement {
    return this.#marks.seen(node);
  }

  /** The entry that writes or deletes a reservation. */
  draft(id: string, row: ReservationRow | null): Draft {
    return draftOf(this.table.keyOf(id), row && ReservationRow.encode(row).finish());
  }

  /** The entry by which other writers of the node's reservations see that there was a write. */
  markDraft(node: string, isHeld: boolean): Draft {
    return draftOf(this.#marks.keyOf(node), isHeld ? SlotsRow.encode({}).finish() : null);
  }
}

function draftOf(key: string, value: Uint8Array | null): Draft {
  return { topic: TOPIC, event: NO_EVENT, source: '', key, value };
}
