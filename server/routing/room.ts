/** Whether a node takes the players of a request for slots. */
import { type Node, NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import { KelpieError } from '../core/errors.js';
import type { PlayerRows } from '../players/rows.js';
import { standingOf } from './pick.js';
import { closedError, countsOn, type Servers, stateError } from './servers.js';

/** The parts of a request that the room depends on. */
export interface Wanted {
  readonly slots: number;
  /** The most players, reserved slots included, beside the node's max_players. 0: no other limit. */
  readonly limit?: number;
  /** Whether an UNREACHABLE server is better than none. */
  readonly lastResort?: boolean;
  /** The id of the player of the slot: a player who counts on the node needs no room there until they leave it. */
  readonly playerId?: string;
}

export class Room {
  readonly #servers: Servers;
  readonly #players: Pick<PlayerRows, 'onlineOf'>;

  constructor(servers: Servers, players: Pick<PlayerRows, 'onlineOf'>) {
    this.#servers = servers;
    this.#players = players;
  }

  /** Whether the player counts on the node already. Then they need no room, and their slot does not count. */
  counts(node: Node | undefined, playerId = ''): boolean {
    const row = this.#players.onlineOf(playerId);
    return node !== undefined && row !== undefined && countsOn(node, row);
  }

  /** Throws why the node, which has so many slots reserved, does not take the players. */
  check(
    node: Node,
    { slots, limit = 0, lastResort = false, playerId }: Wanted,
    reserved: number,
  ): void {
    const { name, role } = node;
    if (role === NodeRole.SERVICE) {
      const message = `"${name}" is a SERVICE, and no player can be there; name a proxy or a server`;
      throw new KelpieError('ROLE_HOLDS_NO_PLAYERS', message, { name });
    }
    const { players } = this.#servers.of(node);
    const server = { ...node, players, reserved };
    if (lastResort && standingOf(server, slots, limit) === 'UNREACHABLE') return;
    const isCounted = this.counts(node, playerId);
    const error = isCounted ? stateError(node) : closedError(server, slots, limit);
    if (error) throw error;
  }
}
