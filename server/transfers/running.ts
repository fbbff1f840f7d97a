/** The transfers under way, by player and by node, and the entries of the journal that concern them. */
import type { PlayerRef } from '../../gen/ts/kelpie/v1/command.js';
import { Event } from '../../gen/ts/kelpie/v1/event.js';
import { PlayerLeaveReason } from '../../gen/ts/kelpie/v1/player.js';
import type { Cancel } from '../core/clock.js';
import { sameBytes } from '../core/cursor.js';
import type { Entry } from '../journal/journal.js';
import { ownersWritten } from '../nodes/departures.js';
import type { NodeRows } from '../nodes/rows.js';
import type { PlayerRows } from '../players/rows.js';
import type { KelpieError } from '../core/errors.js';
import type { AskedCommand } from './node-commands.js';
import type { Asked, Goal, Transfer, TransferEvent } from './transfer.js';

/** The parts of an update that do not depend on its stage. */
export interface Facts {
  readonly player: PlayerRef;
  readonly playerName: string;
  /** The node that the player is moved to. Empty: none was chosen. */
  readonly target: string;
}

/** The transfers of one request. */
export interface Request {
  readonly context: Uint8Array;
  readonly timeoutMs: number;
  /** The deadline of all its transfers. */
  readonly endsMs: number;
  readonly issuer: string | undefined;
  /** Called when the node of a step has its command. */
  readonly onIssued: (running: Running, step: Asked) => void;
  /** Called when the transfer has ended; without an error the player arrived. */
  readonly onEnd: (facts: Facts, error: KelpieError | undefined) => void;
  readonly running: Set<Running>;
  /** Transfers that have not ended, with those that have not begun. */
  left: number;
  stop: Cancel;
}

/** A transfer with all that it holds. */
export interface Running {
  readonly id: string;
  readonly request: Request;
  readonly playerName: string;
  state: Transfer;
  /** Reservations of nodes that do not count the player yet. */
  slots: readonly string[];
  /** The command of the step. */
  asked: AskedCommand | undefined;
  /** The sequence of the ticket. */
  ticket: Promise<number> | undefined;
}

/** A transfer and what happened to it. */
export type Happening = readonly [Running, () => TransferEvent | undefined];

export class RunningTransfers {
  readonly #players: PlayerRows;
  readonly #nodes: NodeRows;
  readonly #byPlayer = new Map<string, Running>();
  /** The processes of the nodes that transfers lead to. */
  readonly #byNode = new Map<string, Map<Running, Uint8Array>>();

  constructor(players: PlayerRows, nodes: NodeRows) {
    this.#players = players;
    this.#nodes = nodes;
  }

  get size(): number {
    return this.#byPlayer.size;
  }

  has(playerId: string): boolean {
    return this.#byPlayer.has(playerId);
  }

  of(playerId: string): Running | undefined {
    return this.#byPlayer.get(playerId);
  }

  all(): Iterable<Running> {
    return this.#byPlayer.values();
  }

  add(running: Running): void {
    this.#byPlayer.set(running.state.player.playerId, running);
    running.request.running.add(running);
  }

  /** A node of the goal that has left; undefined: none has. */
  lostOf(goal: Goal): string | undefined {
    return [...nodesOf(goal)].find((name) => !this.#instanceOf(name));
  }

  /** Follows the nodes of the goal. */
  follow(running: Running, goal: Goal): void {
    for (const name of nodesOf(goal)) {
      const instance = this.#instanceOf(name) ?? new Uint8Array();
      const led = this.#byNode.get(name);
      if (led) led.set(running, instance);
      else this.#byNode.set(name, new Map([[running, instance]]));
    }
  }

  remove(running: Running): void {
    const { player, goal } = running.state;
    this.#byPlayer.delete(player.playerId);
    running.request.running.delete(running);
    for (const name of goal ? nodesOf(goal) : []) {
      const led = this.#byNode.get(name);
      led?.delete(running);
      if (led?.size === 0) this.#byNode.delete(name);
    }
  }

  #instanceOf(name: string): Uint8Array | undefined {
    return this.#nodes.owners.get(name)?.value.instanceId;
  }

  /** The transfers that these entries concern. An event is made when it is taken, of the rows as they are then. */
  *happenings(entries: readonly Entry[]): Generator<Happening> {
    if (this.size === 0) return;
    for (const entry of entries) {
      const id = this.#players.idIn(entry.key);
      const running = id === undefined ? undefined : this.#byPlayer.get(id);
      if (id === undefined || !running) continue;
      const gone = entry.value === null ? departureIn(entry) : undefined;
      yield [running, () => gone ?? this.#rowOf(id)];
    }
    for (const name of ownersWritten(this.#nodes, entries)) yield* this.#leading(name);
  }

  #rowOf(id: string): TransferEvent | undefined {
    const place = this.#players.get(id);
    return place && { kind: 'row', place };
  }

  /** Transfers to a process that has lost its node. */
  *#leading(node: string): Generator<Happening> {
    for (const [running, instance] of this.#byNode.get(node) ?? []) {
      yield [
        running,
        () => {
          const owner = this.#instanceOf(node);
          return owner && sameBytes(owner, instance) ? undefined : { kind: 'nodeLost', node };
        },
      ];
    }
  }
}

function nodesOf({ proxy, server }: Goal): Set<string> {
  return new Set([proxy, server].filter((name) => name !== ''));
}

function departureIn({ event }: Entry): TransferEvent {
  const { body } = Event.decode(event);
  const reason = body?.$case === 'playerLeft' ? body.value.reason : PlayerLeaveReason.QUIT;
  return { kind: 'gone', proxyLost: reason === PlayerLeaveReason.PROXY_LOST };
}

export function factsOf({ state, playerName }: Running): Facts {
  const { player, goal } = state;
  const target = goal?.proxy === '' ? goal.server : (goal?.proxy ?? '');
  return { player, playerName, target };
}
