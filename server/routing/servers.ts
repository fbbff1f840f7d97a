/** The servers of the network as a pick sees them, and the errors of a node that takes nobody. */
import { type Node, NodeRole, NodeState } from '../../gen/ts/kelpie/v1/node.js';
import { KelpieError } from '../core/errors.js';
import type { NodeRows } from '../nodes/rows.js';
import type { PlayerRow, PlayerRows } from '../players/rows.js';
import { roomOf, type Server, standingOf, usedSlots } from './pick.js';
import { ServerList } from './server-list.js';

/** The slots of a node that reservations hold. */
export type ReservedOn = (name: string) => number;

/** A node with the players and the reserved slots that it has when they are read. */
class LiveServer implements Server {
  readonly name: string;
  readonly state: NodeState;
  readonly lastState: NodeState;
  readonly drained: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly maxPlayers: number | undefined;
  readonly #playersOn: (name: string) => number;
  readonly #reservedOn: ReservedOn;

  constructor(node: Node, playersOn: (name: string) => number, reservedOn: ReservedOn) {
    ({
      name: this.name,
      state: this.state,
      lastState: this.lastState,
      drained: this.drained,
      labels: this.labels,
      maxPlayers: this.maxPlayers,
    } = node);
    this.#playersOn = playersOn;
    this.#reservedOn = reservedOn;
  }

  get players(): number {
    return this.#playersOn(this.name);
  }

  get reserved(): number {
    return this.#reservedOn(this.name);
  }
}

export class Servers {
  readonly #players: Pick<PlayerRows, 'byServer' | 'byProxy'>;
  readonly #reservedOn: ReservedOn;
  #all: ServerList<Server>;

  constructor({ nodes }: NodeRows, players: PlayerRows, reservedOn: ReservedOn) {
    this.#players = players;
    this.#reservedOn = reservedOn;
    const present = Array.from(nodes.entries(), ([, { value }]) => value);
    this.#all = ServerList.of(present.filter(isServer).map((node) => this.of(node)));
    nodes.watch((name, _, after) => {
      const isThere = after && isServer(after.value);
      this.#all = isThere ? this.#all.with(this.of(after.value)) : this.#all.without(name);
    });
  }

  /** All servers as they are now. A change of a node makes another list; counts of players are read at each pick. */
  get all(): ServerList<Server> {
    return this.#all;
  }

  /** One node. The players of a proxy are those who came by it. */
  of(node: Node): Server {
    const { byProxy, byServer } = this.#players;
    const groups = node.role === NodeRole.PROXY ? byProxy : byServer;
    return new LiveServer(node, (name) => groups.sizeOf(name), this.#reservedOn);
  }
}

function isServer({ role }: Node): boolean {
  return role === NodeRole.DOWNSTREAM;
}

/** The reasons why a server takes nobody, the one that tells most first: a full server may have room soon. */
export const REFUSALS = ['SERVER_FULL', 'SERVER_UNREACHABLE', 'SERVER_DRAINING'] as const;

/** The reason why the server does not take so many players more; undefined: it takes them. `limit`: of a rule. */
export function refusalOf(
  server: Server,
  slots = 1,
  limit = 0,
): (typeof REFUSALS)[number] | undefined {
  const standing = standingOf(server, slots, limit);
  if (standing === 'OPEN') return undefined;
  if (server.state === NodeState.UNREACHABLE) return 'SERVER_UNREACHABLE';
  return standing === 'FULL' ? 'SERVER_FULL' : 'SERVER_DRAINING';
}

/** The same as an error. */
export function closedError(server: Server, slots = 1, limit = 0): KelpieError | undefined {
  const reason = refusalOf(server, slots, limit);
  const { name } = server;
  if (reason === undefined) return undefined;
  if (reason === 'SERVER_UNREACHABLE') {
    const message = `the stream of "${name}" is lost; choose another server, or wait until it is back`;
    return new KelpieError(reason, message, { name });
  }
  if (reason === 'SERVER_FULL') {
    const room = roomOf(server, limit);
    const message = `"${name}" has ${usedSlots(server)} of ${room} slots in use or reserved, and ${slots} more ${slots === 1 ? 'does' : 'do'} not fit`;
    return new KelpieError(reason, message, { name, limit: String(room) });
  }
  const stateName = stateNameOf(server);
  if (server.drained) {
    const message = `"${name}" takes no players, since an operator drains it; choose another server, or end that: kelpie drain ${name} --cancel`;
    return new KelpieError(reason, message, { name, state: stateName });
  }
  const message = `"${name}" takes no players, since it is ${stateName}; choose another server`;
  return new KelpieError(reason, message, { name, state: stateName });
}

/** Why the state of a node keeps players away, however many are there; undefined: it takes them. */
export function stateError(node: Node): KelpieError | undefined {
  return closedError({ ...node, maxPlayers: undefined, players: 0, reserved: 0 });
}

/** Whether the player counts on the node. */
export function countsOn({ name, role }: Node, { proxy, server, loggingIn }: PlayerRow): boolean {
  return !loggingIn && name === (role === NodeRole.PROXY ? proxy : server);
}

function stateNameOf({ state, drained }: Server): string {
  if (drained) return 'DRAINING';
  const found = Object.entries(NodeState).find(([, number]) => number === state);
  return found?.[0] ?? String(state);
}
