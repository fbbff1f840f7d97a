/** The slots of the transfers of one request: each holds its own, or uses one of a reservation. */
import type { TransferDestination } from '../../gen/ts/kelpie/v1/transfer.js';
import { KelpieError, outOfRange } from '../core/errors.js';
import { type Hold, MAX_TTL_MS, MIN_TTL_MS } from '../routing/hold.js';
import type { Reservations } from '../routing/reservations.js';

/** The purpose of the slots, for people. */
const PURPOSE = 'transfer';

/** A chosen node. */
export type Choice = Pick<Hold, 'limit' | 'lastResort' | 'playerId'> & { readonly name: string };

/** The parts of a slot that do not depend on its node. */
type Part = Required<Pick<Hold, 'ttlMs' | 'purpose' | 'transferOf'>>;

/** Holds a slot of a node for one player. Resolves with the id of the slot's own reservation. */
export type HoldSlot = (choice: Choice) => Promise<string>;

/** A reservation whose slots the transfers use. */
interface Reserved {
  readonly id: string;
  readonly node: string;
  readonly slots: number;
}

export class RequestSlots {
  readonly #reservations: Pick<Reservations, 'hold' | 'split'>;
  readonly #reserved: Reserved | undefined;
  /** The slots of the reservation that no transfer of the request has taken. */
  #left: number;

  /**
   * An empty id: no reservation. Throws RESERVATION_NOT_FOUND, or OUT_OF_RANGE if the destination does not name the
   * node of the reservation.
   */
  constructor(
    reservations: Pick<Reservations, 'hold' | 'find' | 'split'>,
    id: string,
    destination: TransferDestination | undefined,
  ) {
    this.#reservations = reservations;
    this.#reserved = id === '' ? undefined : { id, ...reservations.find(id) };
    this.#left = this.#reserved?.slots ?? 0;
    const names = namesIn(destination);
    if (this.#reserved && !names.includes(this.#reserved.node)) {
      throw otherNode(this.#reserved.node, names);
    }
  }

  /** For one player, who has so much time. */
  holding(timeMs: number, transferOf: string): HoldSlot {
    const ttlMs = Math.min(Math.max(timeMs, MIN_TTL_MS), MAX_TTL_MS);
    return (choice) => {
      const reserved = this.#reserved;
      const part = { ttlMs, purpose: PURPOSE, transferOf };
      return reserved?.node === choice.name
        ? this.#take(reserved, { ...part, playerId: choice.playerId ?? '' })
        : this.#hold(choice, part);
    };
  }

  async #hold({ name, ...rules }: Choice, part: Part): Promise<string> {
    const own = { ...part, place: { node: name }, slots: 1, owner: '' };
    return (await this.#reservations.hold({ ...rules, ...own })).id;
  }

  async #take(reserved: Reserved, part: Part & { readonly playerId: string }): Promise<string> {
    // Counted before the write: the transfers of a request take their slots at once.
    if (this.#left === 0) throw usedUp(reserved);
    this.#left -= 1;
    try {
      return await this.#reservations.split(reserved.id, part);
    } catch (error) {
      this.#left += 1;
      throw error;
    }
  }
}

/** The names of the nodes that a destination names, in lower case. */
function namesIn(destination: TransferDestination | undefined): string[] {
  const place = destination?.place;
  if (place?.$case === 'server') return [place.value.toLowerCase()];
  if (place?.$case !== 'proxy') return [];
  const { name, server } = place.value;
  return [name, server].filter((one) => one !== '').map((one) => one.toLowerCase());
}

function otherNode(node: string, names: readonly string[]): KelpieError {
  const shown = names.map((name) => `"${name}"`).join(' and ');
  const named =
    names.length === 0 ? 'the destination names no node' : `the destination is ${shown}`;
  const message = `${named}, and the reservation holds slots on "${node}"; name "${node}" as the destination`;
  return outOfRange('destination', node, message);
}

function usedUp({ node: name, slots }: Reserved): KelpieError {
  const held = slots === 1 ? '1 slot' : `${slots} slots`;
  const message = `the reservation had ${held} on "${name}", and other players of the request use them; reserve more`;
  return new KelpieError('SERVER_FULL', message, { name, limit: String(slots) });
}
