/**
 * Reservations: slots on nodes that are held for players who are on the way. They count as players, high and never
 * low: a slot is held from the moment of its choice, until its player counts themself or its release is stored. So
 * parallel transfers cannot overfill a server.
 */
import { randomInt, randomUUID } from 'node:crypto';
import { ReservationRow } from '../../gen/ts/kelpie/storage/v1/transfer_rows.js';
import type { Node } from '../../gen/ts/kelpie/v1/node.js';
import type { ServerSelection } from '../../gen/ts/kelpie/v1/transfer.js';
import type { Clock } from '../core/clock.js';
import { durationOf, msOf } from '../core/duration.js';
import { sameBytes } from '../core/cursor.js';
import type { Requirement } from '../journal/journal.js';
import { Expiry } from '../network/expiry.js';
import type { Limits } from '../network/limits.js';
import type { Network } from '../network/network.js';
import { findNode, notFound } from '../nodes/queries.js';
import type { Holders } from '../nodes/holders.js';
import { type NodeRows, notOwner } from '../nodes/rows.js';
import type { PlayerRows } from '../players/rows.js';
import { ArrivedSlots } from './arrived-slots.js';
import { ComingSlots } from './coming-slots.js';
import { checkHold, type Hold, type Requester } from './hold.js';
import { select } from './pick.js';
import { reservationNotFound, tooManyReleased } from './reservation-errors.js';
import type { ReservationRows } from './reservation-rows.js';
import { checkSelection, isClosed, noServer } from './selection.js';
import { Room } from './room.js';
import { Servers } from './servers.js';
import { type NodeSlots, SlotWriter } from './slot-writer.js';

/** How often a chosen server may be full or gone when its slots are written, before the caller hears of it. */
const CHOICES = 8;

/** One slot of a reservation. */
type Part = Pick<Hold, 'ttlMs' | 'purpose' | 'playerId' | 'transferOf'>;

/** Slots that are held. */
export interface Held {
  readonly id: string;
  readonly node: string;
}

/** A node whose slots count already. */
interface Chosen {
  readonly node: string;
  readonly leave: () => void;
}

/** The parts that reservations use. */
export interface ReservationParts {
  readonly network: Pick<Network, 'commit' | 'searches'>;
  readonly nodeRows: NodeRows;
  readonly playerRows: PlayerRows;
  readonly limits: Pick<Limits, 'reservations' | 'nodeReservations'>;
  readonly holders: Pick<Holders, 'own' | 'isGone'>;
  /** Counts only the time in which this coordinator listened. */
  readonly listening: Clock;
  readonly onFault: (error: unknown) => void;
}

export class Reservations {
  readonly rows: ReservationRows;
  readonly servers: Servers;
  /** The slots whose players count on the node themselves. */
  readonly arrived: ArrivedSlots;
  readonly #nodes: NodeRows;
  readonly #players: PlayerRows;
  readonly #room: Room;
  readonly #coming: ComingSlots;
  readonly #writer: SlotWriter;
  readonly #expiry: Expiry<ReservationRow>;
  readonly #network: Pick<Network, 'searches'>;
  readonly #holders: ReservationParts['holders'];
  #turn = 0;

  constructor(rows: ReservationRows, parts: ReservationParts) {
    const { network, nodeRows, playerRows, limits, listening, onFault } = parts;
    this.rows = rows;
    this.#holders = parts.holders;
    this.#network = network;
    this.#nodes = nodeRows;
    this.#players = playerRows;
    this.servers = new Servers(nodeRows, playerRows, (name) => this.reservedOn(name));
    this.#room = new Room(this.servers, playerRows);
    this.#coming = new ComingSlots(rows, limits);
    this.arrived = new ArrivedSlots(rows);
    this.#writer = new SlotWriter(network, rows, this.arrived);
    this.#expiry = new Expiry(rows.table, {
      listening,
      onFault,
      ttlMsOf: ({ ttl }) => (ttl ? msOf(ttl) : 0),
      // A row that changed has another time.
      end: (id, { value }) => this.end(id, value, (row) => row === value),
    });
  }

  /** The slots of a node that are held for players who have not arrived, or are about to be. */
  reservedOn(node: string): number {
    return this.rows.slotsOn(node) - this.arrived.on(node) + this.#coming.on(node);
  }

  /** The reservations with a timer, and the nodes with changes under way: 0 if nothing is reserved. */
  get pending(): number {
    return this.#expiry.size + this.#writer.pending + this.#coming.size + this.arrived.size;
  }

  /** Chooses a node and holds slots on it, in one step. Throws the errors that ReserveSlots names. */
  async hold(hold: Hold): Promise<Held> {
    checkHold(hold);
    const { place } = hold;
    if ('node' in place)
      return this.#store(this.#enter(findNode(this.#nodes, place.node).value.name, hold), hold);
    checkSelection(place.servers);
    const turn = hold.turn ?? this.#turn++;
    for (let attempt = 1; ; attempt++) {
      const chosen = await this.#network.searches.work(
        this.#choose(place.servers, hold, turn),
        this,
      );
      try {
        return await this.#store(chosen, hold);
      } catch (error) {
        // Another server may be open.
        if (attempt === CHOICES || !isClosed(error)) throw error;
      }
    }
  }

  /** The slots count from now on, until `leave` is called. Throws RESERVATION_LIMIT. */
  #enter(node: string, { slots, playerId }: Hold): Chosen {
    const isCounted = this.#room.counts(this.#nodes.nodes.get(node)?.value, playerId);
    return { node, leave: this.#coming.enter(node, isCounted ? 0 : slots) };
  }

  async #store({ node, leave }: Chosen, hold: Hold): Promise<Held> {
    const id = randomUUID();
    try {
      await this.#writer.change(node, (held) => this.#take(id, node, hold, held));
      return { id, node };
    } finally {
      this.arrived.expect(id, false);
      leave();
    }
  }

  /** The server that the selection gives now. Throws NO_TARGET, or why the servers take nobody. */
  *#choose(by: ServerSelection, hold: Hold, turn: number): Generator<undefined, Chosen> {
    yield;
    const { slots, lastServer = '', lastResort = false } = hold;
    const { all } = this.servers;
    const picked = select(all, by, { random: randomInt(2 ** 32), slots, turn, lastServer });
    if (picked.server !== undefined && (lastResort || !picked.lastResort)) {
      return this.#enter(picked.server, hold);
    }
    throw noServer(all, by.servers, slots);
  }

  #take(id: string, name: string, hold: Hold, held: NodeSlots): Requirement[] {
    const node = this.#nodes.nodes.get(name)?.value;
    if (!node) throw notFound(name);
    this.#room.check(node, hold, held.held);
    const owner = hold.owner.toLowerCase();
    const require = [
      this.#nodes.seen(name),
      ...this.#fenceOf(hold.by),
      ...this.#counting(id, node, hold.playerId),
    ];
    const owning = this.#nodes.owners.get(owner);
    if (owner !== '') {
      if (!owning) throw notFound(owner);
      require.push(this.#nodes.fence(owner, owning.sequence));
    }
    const ownerInstanceId = owning?.value.instanceId ?? new Uint8Array();
    const { slots, purpose } = hold;
    const row = { node: name, slots, ttl: durationOf(hold.ttlMs), purpose, owner, ownerInstanceId };
    held.put(id, { ...row, nodeInstanceId: node.instanceId, ...this.#transferOf(hold) });
    return require;
  }

  /**
   * Releases slots of a reservation; 0: all of them. Throws RESERVATION_NOT_FOUND, OUT_OF_RANGE, or
   * STALE_GENERATION.
   */
  async release(id: string, slots = 0, by?: Requester): Promise<void> {
    await this.#writer.change(this.find(id).node, (held) => {
      const require = this.#fenceOf(by);
      const row = held.get(id);
      if (!row) throw reservationNotFound(id);
      if (slots > row.slots) throw tooManyReleased(slots, row.slots);
      this.#shrink(id, row, slots === 0 ? row.slots : slots, held);
      return require;
    });
  }

  /** The node of a reservation; undefined: it has ended. */
  nodeOf(id: string): string | undefined {
    return this.rows.table.get(id)?.value.node;
  }

  /**
   * Releases one slot whose player has arrived. They count as a player, so their slot counts no more from now on. It
   * counts again if the release fails.
   */
  async arrive(id: string): Promise<void> {
    this.arrived.add(id, this.find(id).node);
    try {
      await this.release(id, 1);
    } catch (error) {
      this.arrived.forget(id, 1);
      throw error;
    }
  }

  #shrink(id: string, row: ReservationRow, slots: number, held: NodeSlots): void {
    const left = row.slots - slots;
    // The rest ends when the whole would have ended.
    const ttl = durationOf(this.#expiry.leftMs(id) ?? 0);
    held.put(id, left === 0 ? null : { ...row, slots: left, ttl });
  }

  /** Throws RESERVATION_NOT_FOUND. */
  find(id: string): ReservationRow {
    const found = this.rows.table.get(id);
    if (found) return found.value;
    throw reservationNotFound(id);
  }

  /**
   * Turns one slot of a reservation into a reservation of its own, which has no owner, in one write: the node's slots
   * do not change, so nobody else can get this one. Returns the new id. Throws RESERVATION_NOT_FOUND,
   * RESERVATION_LIMIT, or why the node takes nobody.
   */
  async split(
    id: string,
    { ttlMs, purpose, playerId = '', transferOf = '' }: Part,
  ): Promise<string> {
    const ownId = randomUUID();
    const { node: name } = this.find(id);
    const leave = this.#coming.enter(name, 0);
    try {
      await this.#writer.change(name, (held) => {
        const row = held.get(id);
        const node = this.#nodes.nodes.get(name)?.value;
        const isThere = node && row && sameBytes(node.instanceId, row.nodeInstanceId);
        if (!isThere) throw reservationNotFound(id);
        this.#room.check(node, { slots: 1, playerId }, held.held - 1);
        const require = [this.#nodes.seen(name), ...this.#counting(ownId, node, playerId)];
        const own = {
          slots: 1,
          ttl: durationOf(ttlMs),
          purpose,
          ...this.#transferOf({ transferOf }),
        };
        held.put(ownId, { ...row, ...own, owner: '', ownerInstanceId: new Uint8Array() });
        this.#shrink(id, row, 1, held);
        return require;
      });
      return ownId;
    } finally {
      this.arrived.expect(ownId, false);
      leave();
    }
  }

  #transferOf({ transferOf: playerId = '' }: Pick<Hold, 'transferOf'>) {
    return { playerId, coordinatorId: playerId === '' ? '' : this.#holders.own };
  }

  /** Notes whether the player of the slot counts on the node already, and returns what must stay so. */
  #counting(id: string, node: Node, playerId = ''): Requirement[] {
    const isCounted = this.#room.counts(node, playerId);
    this.arrived.expect(id, isCounted);
    return isCounted ? [this.#players.seen(playerId)] : [];
  }

  /** Ends a reservation, if it is over at the moment of the write. */
  end(
    id: string,
    { node }: ReservationRow,
    isOver: (row: ReservationRow) => boolean,
  ): Promise<void> {
    return this.#writer.change(node, (held) => {
      const row = held.get(id);
      if (row && isOver(row)) held.put(id, null);
      return [];
    });
  }

  #fenceOf(by: Requester | undefined): Requirement[] {
    if (!by) return [];
    const { name, generation } = by;
    if (this.#nodes.owners.get(name)?.sequence !== generation) throw notOwner(by);
    return [this.#nodes.fence(name, generation)];
  }

  close(): void {
    this.#expiry.close();
  }
}
