/**
 * The slots that are chosen and not stored yet. They count from the choice, before anything is awaited, so the choices
 * of a burst spread over the servers, and concurrent writes cannot pass a limit together.
 */
import { KelpieError } from '../core/errors.js';
import type { Limits } from '../network/limits.js';
import type { ReservationRows } from './reservation-rows.js';

/** The slots and the reservations that are about to be stored on one node. */
interface Coming {
  slots: number;
  reservations: number;
}

export class ComingSlots {
  readonly #rows: ReservationRows;
  readonly #limits: Pick<Limits, 'reservations' | 'nodeReservations'>;
  readonly #onNode = new Map<string, Coming>();
  #reservations = 0;

  constructor(rows: ReservationRows, limits: Pick<Limits, 'reservations' | 'nodeReservations'>) {
    this.#rows = rows;
    this.#limits = limits;
  }

  /** The slots that are coming on a node. */
  on(node: string): number {
    return this.#onNode.get(node)?.slots ?? 0;
  }

  /** The number of reservations that are coming. */
  get size(): number {
    return this.#reservations;
  }

  /**
   * Counts a reservation until the returned function is called: it is in the table then, or was refused. Throws
   * RESERVATION_LIMIT.
   */
  enter(node: string, slots: number): () => void {
    const { reservations, nodeReservations } = this.#limits;
    const coming = this.#onNode.get(node) ?? { slots: 0, reservations: 0 };
    const { table, onNode } = this.#rows;
    check(table.size + this.#reservations, reservations, 'the network has');
    check(onNode.sizeOf(node) + coming.reservations, nodeReservations, `"${node}" has`);
    coming.slots += slots;
    coming.reservations += 1;
    this.#reservations += 1;
    this.#onNode.set(node, coming);
    return () => {
      coming.slots -= slots;
      coming.reservations -= 1;
      this.#reservations -= 1;
      if (coming.reservations === 0) this.#onNode.delete(node);
    };
  }
}

function check(count: number, limit: number, who: string): void {
  if (count < limit) return;
  const message = `${who} ${limit} reservations, which is the limit; release some, or wait until they end`;
  throw new KelpieError(
    'RESERVATION_LIMIT',
    message,
    { limit: String(limit) },
    { retryAfterMs: 1000 },
  );
}
