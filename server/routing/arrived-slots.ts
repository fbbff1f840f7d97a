/**
 * Slots whose players count on the node themselves, so these slots do not count in this coordinator: the player has
 * arrived, and the release of the slot is not stored yet; or the player goes to another proxy and comes back to the
 * server, and has not left yet. Other coordinators count these slots too: high, and never low.
 */
import type { ReservationRows } from './reservation-rows.js';

export class ArrivedSlots {
  /** By reservation. */
  readonly #of = new Map<string, { readonly node: string; slots: number }>();
  readonly #onNode = new Map<string, number>();
  /** Reservations that are about to be stored. */
  readonly #coming = new Set<string>();

  constructor({ table }: Pick<ReservationRows, 'table'>) {
    // Of a reservation that loses slots, the arrived ones are the first: the rest counts.
    table.watch((id, before, after) => {
      this.forget(id, (before?.value.slots ?? 0) - (after?.value.slots ?? 0));
      if (after && this.#coming.delete(id)) this.add(id, after.value.node);
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
    return this.#of.size + this.#coming.size;
  }

  /** The reservation has one slot, whose player counts on the node already. It is about to be stored, or it failed. */
  expect(id: string, comes: boolean): void {
    if (comes) this.#coming.add(id);
    else this.#coming.delete(id);
  }

  /** Whether the reservation is about to be stored with such a slot. */
  isComing(id: string): boolean {
    return this.#coming.has(id);
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
