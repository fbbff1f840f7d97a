/** The servers of the network as a pick sees them, and the errors of a node that takes nobody. */
import { type Node, NodeRole, NodeState } from '../../gen/ts/kelpie/v1/node.js';
import { KelpieError } from '../core/errors.js';
import type { NodeRows } from '../nodes/rows.js';
import type { PlayerRow, PlayerRows } from '../players/rows.js';
import { roomOf, type Server, standingOf, usedSlots } from './pick.js';

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
  readonly #nodes: NodeRows['nodes'];
  readonly #players: Pick<PlayerRows, 'byServer' | 'byProxy'>;
  readonly #reservedOn: ReservedOn;

  constructor(nodes: NodeRows, players: PlayerRows, reservedOn: ReservedOn) {
    this.#nodes = nodes.nodes;
    this.#players = players;
    this.#reservedOn = reservedOn;
  }

  /** All servers. */
  *all(): Generator<Server> {
    for (const [, { value }] of this.#nodes.entries()) {
      if (value.role === NodeRole.DOWNSTREAM) yield this.of(value);
    }
  }

  /** One node. The players of a proxy are those who came by it. */
  of(node: Node): Server {
    const { byProxy, byServer } = this.#players;
    const groups = node.role === NodeRole.PROXY ? byProxy : byServer;
    return new LiveServer(node, (name) => groups.sizeOf(name), this.#reservedOn);
  }
}

/** Why the server does not take so many players more; undefined: it takes them. `limit`: of a rule. */
export function closedError(server: Server, slots = 1, limit = 0): KelpieError | undefined {
  const standing = standingOf(server, slots, limit);
  const { name, state } = server;
  if (standing === 'OPEN') return undefined;
  if (state === NodeState.UNREACHABLE) {
    const message = `the stream of "${name}" is lost; choose another server, or wait until it is back`;
    return new KelpieError('SERVER_UNREACHABLE', message, { name });
  }
  if (standing === 'FULL') {
    const room = roomOf(server, limit);
    const message = `"${name}" has ${usedSlots(server)} of ${room} slots in use or reserved, and ${slots} more ${slots === 1 ? 'does' : 'do'} not fit`;
    return new KelpieError('SERVER_FULL', message, { name, limit: String(room) });
  }
  const stateName = stateNameOf(server);
  const message = `"${name}" takes no players, since it is ${stateName}; choose another server`;
  return new KelpieError('SERVER_DRAINING', message, { name, state: stateName });
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
