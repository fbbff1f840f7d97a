/** Chooses the goal of each player of a request, and holds a slot there. */
import { type Address, type Node, NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import { FallbackReason, RoutingOccasion } from '../../gen/ts/kelpie/v1/routing.js';
import type {
  ProxyDestination,
  ServerSelection,
  TransferDestination,
} from '../../gen/ts/kelpie/v1/transfer.js';
import { KelpieError, outOfRange } from '../core/errors.js';
import { cutText } from '../core/text.js';
import { findNode, notFound } from '../nodes/queries.js';
import type { Holders } from '../nodes/holders.js';
import type { NodeRows } from '../nodes/rows.js';
import type { PlayerRow } from '../players/rows.js';
import type { LastServers } from '../routing/last-servers.js';
import type { Picker } from '../routing/picker.js';
import { selects, type Server, standingOf, usedSlots } from '../routing/pick.js';
import type { Reservations } from '../routing/reservations.js';
import { checkSelection, isClosed, noServer } from '../routing/selection.js';
import type { Servers } from '../routing/servers.js';
import { alreadyThere, noPublicAddress } from './errors.js';
import { GoalSlots } from './goal-slots.js';
import { Selecting } from './selecting.js';
import { type Choice, type HoldSlot, RequestSlots } from './slots.js';
import type { Goal } from './transfer.js';

/** How often a chosen node may be full or gone when its slot is held, before the transfer fails. */
const CHOICES = 8;

/** A goal, and the reservations that hold its slots. */
export interface HeldGoal {
  readonly goal: Goal;
  readonly slots: readonly string[];
}

/**
 * Chooses a goal for one player and holds its slots for a time. Rejects with the error of the transfer. The player may
 * move meanwhile: `rowNow` gives their row, and throws if they left.
 */
export type GoalOf = (
  rowNow: () => PlayerRow,
  ttlMs: number,
  playerId: string,
) => Promise<HeldGoal>;

/** Chooses a goal for one player, and holds its slots. */
type Choose = (rowNow: () => PlayerRow, hold: HoldSlot) => Promise<HeldGoal>;

/** The parts that goals need. */
export interface GoalParts {
  readonly nodeRows: NodeRows;
  readonly servers: Servers;
  readonly picker: Picker;
  readonly lastServers: LastServers;
  readonly holders: Pick<Holders, 'own' | 'isGone'>;
  readonly reservations: Pick<
    Reservations,
    'hold' | 'release' | 'arrive' | 'arrived' | 'nodeOf' | 'find' | 'split' | 'rows'
  >;
}

export class Goals {
  readonly slots: GoalSlots;
  readonly #parts: GoalParts;

  constructor(parts: GoalParts) {
    this.#parts = parts;
    this.slots = new GoalSlots(parts.reservations, parts.nodeRows.nodes, parts.holders);
  }

  /**
   * Checks a destination, before the first player is moved. `reservationId`: the reservation whose slots the players
   * use. Throws NODE_NOT_FOUND, NO_PUBLIC_ADDRESS, LABELS_INVALID, NODE_NAME_INVALID, OUT_OF_RANGE or
   * RESERVATION_NOT_FOUND.
   */
  of(destination: TransferDestination | undefined, reservationId = ''): GoalOf {
    const choose = this.#choosing(destination);
    const slots = new RequestSlots(this.#parts.reservations, reservationId, destination);
    return (rowNow, ttlMs, playerId) => choose(rowNow, slots.holding(ttlMs, playerId));
  }

  #choosing(destination: TransferDestination | undefined): Choose {
    const place = destination?.place;
    switch (place?.$case) {
      case 'server': {
        const { name } = this.#serverNamed(place.value);
        return (rowNow, hold) => this.#toServer(rowNow(), { name }, hold);
      }
      case 'servers':
        return this.#selected(place.value);
      case 'proxy':
        return this.#otherProxy(place.value);
      case 'routed':
        return (rowNow, hold) => this.#routed(rowNow, place.value.reason, hold);
      case undefined:
        throw outOfRange(
          'destination',
          1,
          'the destination is empty: set server, servers, proxy or routed',
        );
    }
  }

  #serverNamed(typed: string): Node {
    const { value } = findNode(this.#parts.nodeRows, typed);
    if (value.role === NodeRole.DOWNSTREAM) return value;
    const shown = cutText(typed, 255);
    const message = `"${shown}" is no server, and players cannot be on it; name a server`;
    throw new KelpieError('NODE_NOT_FOUND', message, { name: shown });
  }

  /** The player stays on their proxy. A player whom a server holds itself goes to the public address. */
  async #toServer(row: PlayerRow, choice: Choice, hold: HoldSlot): Promise<HeldGoal> {
    const { name } = choice;
    if (row.server === name) throw alreadyThere(name);
    const node = this.#nodeOf(name);
    const isDirect = this.#parts.nodeRows.nodes.get(row.proxy)?.value.role === NodeRole.DOWNSTREAM;
    const goal = isDirect
      ? { proxy: name, address: publicAddressOf(node), server: name }
      : { proxy: '', address: undefined, server: name };
    return { goal, slots: [await hold(choice)] };
  }

  #nodeOf(name: string): Node {
    const node = this.#parts.nodeRows.nodes.get(name)?.value;
    if (node) return node;
    throw notFound(name);
  }

  #selected(selection: ServerSelection): Choose {
    checkSelection(selection);
    const { servers, lastServers } = this.#parts;
    const selecting = new Selecting(servers, selection);
    const choose = ({ server, player }: PlayerRow): Choice | undefined =>
      selecting.choose(server, lastServers.of(player.id));
    const none = (row: PlayerRow): KelpieError => this.#noOther(row, selection);
    return (rowNow, hold) =>
      this.#first(rowNow, choose, none, (row, choice) => this.#toServer(row, choice, hold));
  }

  /** The player may be on the only server that matches. */
  #noOther({ server }: PlayerRow, selection: ServerSelection): KelpieError {
    const { all } = this.#parts.servers;
    const present = all.get(server);
    if (present && selects(selection.servers, present)) return alreadyThere(server);
    return noServer(all, selection.servers, 1);
  }

  #routed(rowNow: () => PlayerRow, reason: FallbackReason, hold: HoldSlot): Promise<HeldGoal> {
    const choose = (row: PlayerRow): Choice | undefined => this.#route(row, reason);
    const none = (row: PlayerRow): KelpieError => this.#noRoute(row, reason);
    return this.#first(rowNow, choose, none, (row, choice) => this.#toServer(row, choice, hold));
  }

  /** A server that is no node counts as none in the rules. */
  #noRoute({ server }: PlayerRow, reason: FallbackReason): KelpieError {
    const found = Object.entries(FallbackReason).find(([, number]) => number === reason);
    const isGiven = found && reason !== FallbackReason.UNSPECIFIED;
    const why = isGiven ? ` --reason ${found[0].toLowerCase().replaceAll('_', '-')}` : '';
    const from = this.#parts.servers.all.get(server) ? ` --from ${server}` : '';
    const command = `kelpie routing explain --for fallback${why}${from}`;
    return noTarget(`no routing rule has an open server for the player; explain it: ${command}`);
  }

  /** The server that the routing rules give. */
  #route({ player, server: fromServer }: PlayerRow, reason: FallbackReason): Choice | undefined {
    const { picker, lastServers } = this.#parts;
    const { server, rule, lastResort } = picker.pick({
      ...{ occasion: RoutingOccasion.FALLBACK, reason, fromServer },
      playerProperties: player.properties,
      lastServer: lastServers.of(player.id),
    });
    if (server === undefined) return undefined;
    const deciding = picker.plan.rules.find(({ rule: { name } }) => name === rule);
    return { name: server, lastResort, limit: deciding?.rule.limit ?? 0 };
  }

  /** The first choice whose node still takes the player when the slot is held. */
  async #first(
    rowNow: () => PlayerRow,
    choose: (row: PlayerRow) => Choice | undefined,
    none: (row: PlayerRow) => KelpieError,
    take: (row: PlayerRow, choice: Choice) => Promise<HeldGoal>,
  ): Promise<HeldGoal> {
    for (let attempt = 1; ; attempt++) {
      const row = rowNow();
      const choice = choose(row);
      if (!choice) throw none(row);
      try {
        return await take(row, choice);
      } catch (error) {
        if (attempt === CHOICES || !isClosed(error)) throw error;
      }
    }
  }

  #otherProxy({ name: typed, server: typedServer }: ProxyDestination): Choose {
    const server = typedServer === '' ? '' : this.#serverNamed(typedServer).name;
    if (typed === '') return (rowNow, hold) => this.#bestProxy(rowNow, server, hold);
    const { value: node } = findNode(this.#parts.nodeRows, typed);
    const { name, role } = node;
    if (role === NodeRole.SERVICE) {
      const message = `"${name}" is a SERVICE, and no player connects to it; name a proxy`;
      throw new KelpieError('NODE_NOT_FOUND', message, { name });
    }
    publicAddressOf(node);
    if (role === NodeRole.DOWNSTREAM && server !== '' && server !== name) {
      const message = `players who join "${name}" directly are on it; leave server empty`;
      throw outOfRange('destination.proxy.server', name, message);
    }
    return (rowNow, hold) => this.#toProxy(rowNow(), { name }, server, hold);
  }

  async #toProxy(
    row: PlayerRow,
    choice: Choice,
    server: string,
    hold: HoldSlot,
  ): Promise<HeldGoal> {
    const { name } = choice;
    if (row.proxy === name) {
      if (server === '' || row.server === server) throw alreadyThere(name);
      return this.#toServer(row, { name: server }, hold);
    }
    const node = this.#nodeOf(name);
    const address = publicAddressOf(node);
    // A player who is on the server already keeps their place there.
    const playerId = row.player.id;
    const slots = [await hold({ ...choice, playerId })];
    if (node.role === NodeRole.DOWNSTREAM)
      return { goal: { proxy: name, address, server: name }, slots };
    try {
      if (server !== '') slots.push(await hold({ name: server, playerId }));
    } catch (error) {
      await this.slots.release(slots);
      throw error;
    }
    return { goal: { proxy: name, address, server }, slots };
  }

  #bestProxy(rowNow: () => PlayerRow, server: string, hold: HoldSlot): Promise<HeldGoal> {
    const choose = ({ proxy }: PlayerRow): Choice | undefined => this.#openProxy(proxy);
    const none = (): KelpieError =>
      noTarget(
        'no other proxy with a public address is open; start one, or set its public_address',
      );
    return this.#first(rowNow, choose, none, (row, choice) =>
      this.#toProxy(row, choice, server, hold),
    );
  }

  /** Of the open proxies with a public address the one with the fewest players; of equal ones the first by name. */
  #openProxy(own: string): Choice | undefined {
    let best: Server | undefined;
    for (const [name, { value }] of this.#parts.nodeRows.nodes.entries()) {
      if (value.role !== NodeRole.PROXY || name === own || !value.publicAddress) continue;
      const proxy = this.#parts.servers.of(value);
      if (standingOf(proxy) === 'OPEN' && (!best || isBefore(proxy, best))) best = proxy;
    }
    return best && { name: best.name };
  }
}

function isBefore(proxy: Server, other: Server): boolean {
  const more = usedSlots(proxy) - usedSlots(other);
  return more === 0 ? proxy.name < other.name : more < 0;
}

function publicAddressOf({ name, publicAddress }: Node): Address {
  if (publicAddress) return publicAddress;
  throw noPublicAddress(name);
}

function noTarget(message: string): KelpieError {
  return new KelpieError('NO_TARGET', message);
}
