/** The slots that goals hold, from the moment that they are stored until they have done their work. */
import { KelpieError } from '../core/errors.js';
import type { Holders } from '../nodes/holders.js';
import type { NodeRows } from '../nodes/rows.js';
import type { PlayerRow } from '../players/rows.js';
import type { Reservations } from '../routing/reservations.js';
import { countsOn } from '../routing/servers.js';

type SlotReservations = Pick<Reservations, 'release' | 'arrive' | 'arrived' | 'nodeOf' | 'rows'>;

export class GoalSlots {
  readonly #reservations: SlotReservations;
  readonly #nodes: NodeRows['nodes'];
  readonly #holders: Pick<Holders, 'own' | 'isGone'>;

  constructor(
    reservations: SlotReservations,
    nodes: NodeRows['nodes'],
    holders: Pick<Holders, 'own' | 'isGone'>,
  ) {
    this.#holders = holders;
    this.#reservations = reservations;
    this.#nodes = nodes;
  }

  /**
   * The row of the player of these slots changed; undefined: they left. A slot on a node that they came to has done its
   * work, and counts no more before anybody chooses again. A slot on the server that they come back to counts as soon as
   * they leave. Returns the slots that have more to do.
   */
  follow(
    slots: readonly string[],
    row: PlayerRow | undefined,
    onFault: (error: unknown) => void,
  ): string[] {
    const { arrived } = this.#reservations;
    return slots.filter((slot) => {
      const isThere = this.#isThere(slot, row);
      if (arrived.of(slot) > 0) {
        if (!isThere) arrived.forget(slot, 1);
        return true;
      }
      if (isThere) void this.#reservations.arrive(slot).catch(expected).catch(onFault);
      return !isThere;
    });
  }

  #isThere(slot: string, row: PlayerRow | undefined): boolean {
    const node = this.#nodes.get(this.#reservations.nodeOf(slot) ?? '')?.value;
    return node !== undefined && row !== undefined && countsOn(node, row);
  }

  /**
   * Whether a transfer of another coordinator holds a slot for the player, stored before these slots. Without slots: at
   * any time.
   */
  isMovedElsewhere(playerId: string, slots: readonly string[] = []): boolean {
    const { table, ofPlayer } = this.#reservations.rows;
    const before = Math.min(Infinity, ...slots.map((id) => table.get(id)?.sequence ?? Infinity));
    for (const id of ofPlayer.get(playerId)) {
      const row = table.get(id);
      const holder = row?.value.coordinatorId ?? '';
      if (!row || row.sequence > before || holder === this.#holders.own) continue;
      if (!this.#holders.isGone(holder, row.sequence)) return true;
    }
    return false;
  }

  /** Releases slots. */
  async release(slots: readonly string[]): Promise<void> {
    for (const id of slots) await this.#reservations.release(id).catch(expected);
  }
}

/** Slots whose release fails end with their time. */
function expected(error: unknown): void {
  if (!(error instanceof KelpieError)) throw error;
}
