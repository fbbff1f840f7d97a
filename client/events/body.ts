/** The events of nodes and players in the form of programs. */
import type { Event } from '../../gen/ts/kelpie/v1/event.js';
import { Node as WireNode } from '../../gen/ts/kelpie/v1/node.js';
import { Player } from '../../gen/ts/kelpie/v1/player.js';
import { type Node, nodeOf } from '../core/node.js';
import {
  nodeLeaveReasonNameOf,
  type NodeLeaveReasonName,
  playerLeaveReasonNameOf,
  type PlayerLeaveReasonName,
} from '../core/spelling.js';

/** A node joined the network. */
export interface NodeJoined {
  readonly kind: 'nodeJoined';
  readonly node: Node;
}

/** Something that others see of a node changed: its state, its labels, its commands … */
export interface NodeUpdated {
  readonly kind: 'nodeUpdated';
  /** The node after the change. */
  readonly node: Node;
}

/** A node left the network. */
export interface NodeLeft {
  readonly kind: 'nodeLeft';
  /** The node as it was last. */
  readonly node: Node;
  readonly reason: NodeLeaveReasonName;
}

/** A player came online. */
export interface PlayerJoined {
  readonly kind: 'playerJoined';
  readonly player: Player;
}

/** A player is on another server. */
export interface PlayerMoved {
  readonly kind: 'playerMoved';
  /** The player after the move: `player.server` is the new server. */
  readonly player: Player;
  /** The server before; empty if the player was on none. */
  readonly fromServer: string;
}

/** Something else about a player changed: their properties, their context, their language. */
export interface PlayerUpdated {
  readonly kind: 'playerUpdated';
  /** The player after the change. */
  readonly player: Player;
}

/** A player went offline. */
export interface PlayerLeft {
  readonly kind: 'playerLeft';
  /** The player as they were last. */
  readonly player: Player;
  readonly reason: PlayerLeaveReasonName;
}

/** An event on a topic `nodes.<name>`. */
export type NodeEvent = NodeJoined | NodeUpdated | NodeLeft;

/** An event on a topic `players.<id>`. */
export type PlayerEvent = PlayerJoined | PlayerMoved | PlayerUpdated | PlayerLeft;

/** The body of an event; undefined for a message, and for an event that this version does not have. */
export function bodyOf(body: Event['body']): NodeEvent | PlayerEvent | undefined {
  switch (body?.$case) {
    case 'nodeJoined':
    case 'nodeUpdated':
      return { kind: body.$case, node: nodeOf(body.value.node ?? WireNode.create()) };
    case 'nodeLeft': {
      const { node = WireNode.create(), reason } = body.value;
      return { kind: body.$case, node: nodeOf(node), reason: nodeLeaveReasonNameOf(reason) };
    }
    case 'playerJoined':
    case 'playerUpdated':
      return { kind: body.$case, player: body.value.player ?? Player.create() };
    case 'playerMoved': {
      const { player = Player.create(), fromServer } = body.value;
      return { kind: body.$case, player, fromServer };
    }
    case 'playerLeft': {
      const { player = Player.create(), reason } = body.value;
      return { kind: body.$case, player, reason: playerLeaveReasonNameOf(reason) };
    }
    default:
      return undefined;
  }
}
