/**
 * Slots whose players have arrived, and whose release is not stored yet. The players count already, so these slots
 * count no more in this coordinator. Other coordinators count them until they see the release: high, and never low.
 */
import type { ReservationRows } from './reservation-rows.js';

export class ArrivedSlots {
  /** By reservation. */
  readonly #of = new Map<string, { readonly node: string; slots: number }>();
  readonly #onNode = new Map<string, number>();

  constructor({ table }: Pick<ReservationRows, 'table'>) {
    // Of a reservation that loses slots, the arrived ones are the first: the rest counts.
    table.watch((id, before, after) => {
      this.forget(id, (before?.value.slots ?? 0) - (after?.value.slots ?? 0));
    });
  }

  /** The slots of a reservation that do not count. */
  of(id: string): number {
    return this.#of.get(id)?.slots ?? 0;
  }

  /** The slots on a node that do not count. */
  on(node: string): number {
    return this.#onNode.get(node) ?? 0;
  }

  /** The reservations with such slots. */
  get size(): number {
    return this.#of.size;
  }

  /** The player of one slot counts on the node from now on. */
  add(id: string, node: string): void {
    const arrived = this.#of.get(id);
    if (arrived) arrived.slots += 1;
    else this.#of.set(id, { node, slots: 1 });
    this.#onNode.set(node, this.on(node) + 1);
  }

  /** So many slots of the reservation are released, or count again. */
  forget(id: string, slots: number): void {
    const arrived = this.#of.get(id);
    if (!arrived || slots <= 0) return;
    const { node } = arrived;
    const fewer = Math.min(slots, arrived.slots);
    arrived.slots -= fewer;
    if (arrived.slots === 0) this.#of.delete(id);
    const left = this.on(node) - fewer;
    if (left === 0) this.#onNode.delete(node);
    else this.#onNode.set(node, left);
  }
}
