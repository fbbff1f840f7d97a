/**
 * Writes the reservations of nodes. All waiting changes of one node become one transaction, so a thousand transfers to
 * a server cost few writes. Each change is decided against the slots as the changes before it leave them.
 */
import type { ReservationRow } from '../../gen/ts/kelpie/storage/v1/transfer_rows.js';
import type { Draft, Requirement } from '../journal/journal.js';
import type { Network } from '../network/network.js';
import { nodeContested } from '../nodes/rows.js';
import type { ArrivedSlots } from './arrived-slots.js';
import type { ReservationRows } from './reservation-rows.js';

/** The most changes of one transaction. */
const CHANGES = 256;
/** How often another writer may change something first. */
const ATTEMPTS = 16;

/**
 * Changes the slots of a node by `put`, or throws why not. Returns the rows that must stay as they are. It may run
 * again, if another writer was faster.
 */
export type SlotChange = (slots: NodeSlots) => readonly Requirement[];

/** A change whose caller waits. */
interface Waiting {
  readonly change: SlotChange;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** The reservations of one node, as a transaction in the making leaves them. */
export class NodeSlots {
  readonly #rows: ReservationRows;
  readonly #arrived: ArrivedSlots;
  readonly #changed = new Map<string, ReservationRow | null>();
  /** Slots of arrived players that the changes release, by reservation. */
  readonly #released = new Map<string, number>();
  readonly #node: string;
  #held: number;
  #reservations: number;

  constructor(rows: ReservationRows, arrived: ArrivedSlots, node: string) {
    this.#rows = rows;
    this.#arrived = arrived;
    this.#node = node;
    this.#held = rows.slotsOn(node) - arrived.on(node);
    this.#reservations = rows.onNode.sizeOf(node);
  }

  /** The slots that reservations hold for players who have not arrived. */
  get held(): number {
    return this.#held;
  }

  get(id: string): ReservationRow | undefined {
    const changed = this.#changed.get(id);
    return changed === undefined ? this.#rows.table.get(id)?.value : (changed ?? undefined);
  }

  /** Writes a reservation, or deletes it. */
  put(id: string, row: ReservationRow | null): void {
    const before = this.get(id);
    const fewer = (before?.slots ?? 0) - (row?.slots ?? 0);
    const isCounted = row !== null && this.#arrived.isComing(id);
    const released = this.#released.get(id) ?? 0;
    // The slot of a player who has arrived does not count already.
    const arrived = Math.max(0, Math.min(fewer, this.#arrived.of(id) - released));
    this.#released.set(id, released + arrived);
    if (!isCounted) this.#held -= fewer - arrived;
    this.#reservations += (row ? 1 : 0) - (before ? 1 : 0);
    this.#changed.set(id, row);
  }

  /** The entries of all changes; none if nothing changed. */
  drafts(): Draft[] {
    if (this.#changed.size === 0) return [];
    const drafts = Array.from(this.#changed, ([id, row]) => this.#rows.draft(id, row));
    return [...drafts, this.#rows.markDraft(this.#node, this.#reservations > 0)];
  }
}

export class SlotWriter {
  readonly #network: Pick<Network, 'commit' | 'searches'>;
  readonly #rows: ReservationRows;
  readonly #arrived: ArrivedSlots;
  readonly #waiting = new Map<string, Waiting[]>();

  constructor(
    network: Pick<Network, 'commit' | 'searches'>,
    rows: ReservationRows,
    arrived: ArrivedSlots,
  ) {
    this.#network = network;
    this.#rows = rows;
    this.#arrived = arrived;
  }

  /** The number of nodes with changes under way. */
  get pending(): number {
    return this.#waiting.size;
  }

  /** Resolves when the change is stored. Rejects with the error that it throws. */
  change(node: string, change: SlotChange): Promise<void> {
    return new Promise((resolve, reject) => {
      const one = { change, resolve, reject };
      const waiting = this.#waiting.get(node);
      if (waiting) return void waiting.push(one);
      const first = [one];
      this.#waiting.set(node, first);
      void this.#writeAll(node, first);
    });
  }

  async #writeAll(node: string, waiting: Waiting[]): Promise<void> {
    // Changes that come in the same turn are part of the first transaction.
    await Promise.resolve();
    // A journal in memory answers within the turn, so all writes share turns.
    while (waiting.length > 0) await this.#network.searches.work(this.#part(node, waiting), this);
    this.#waiting.delete(node);
  }

  *#part(node: string, waiting: Waiting[]): Generator<undefined, Promise<void>> {
    yield;
    const part = waiting.splice(0, CHANGES);
    return this.#write(node, part).catch((error: unknown) => {
      for (const { reject } of part) reject(error);
    });
  }

  async #write(node: string, changes: readonly Waiting[]): Promise<void> {
    let left = changes;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const slots = new NodeSlots(this.#rows, this.#arrived, node);
      const require = new Map<string, Requirement>();
      left = left.filter((one) => applies(one, slots, require));
      const entries = slots.drafts();
      const seen = this.#rows.seen(node);
      const stored =
        entries.length === 0 ||
        (await this.#network.commit({ require: [seen, ...require.values()], entries })).kind ===
          'stored';
      // Another writer was faster: decide again.
      if (!stored) continue;
      for (const { resolve } of left) resolve();
      return;
    }
    throw nodeContested(node);
  }
}

/** Applies a change, or rejects it. */
function applies(one: Waiting, slots: NodeSlots, require: Map<string, Requirement>): boolean {
  try {
    for (const requirement of one.change(slots)) require.set(requirement.key, requirement);
    return true;
  } catch (error) {
    one.reject(error);
    return false;
  }
}
