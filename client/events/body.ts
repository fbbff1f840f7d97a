/** The events of the coordinator in the form of programs: nodes, players, rules, settings, shared values, records of acts. */
import { type Event, StateValue } from '../../gen/ts/kelpie/v1/event.js';
import { Node as WireNode } from '../../gen/ts/kelpie/v1/node.js';
import { Player } from '../../gen/ts/kelpie/v1/player.js';
import { RoutingTable } from '../../gen/ts/kelpie/v1/routing.js';
import { NetworkSettings } from '../../gen/ts/kelpie/v1/settings.js';
import { type Node, nodeOf } from '../core/node.js';
import { type RoutingRule, rulesOf } from '../core/routing.js';
import {
  nodeLeaveReasonNameOf,
  type NodeLeaveReasonName,
  playerLeaveReasonNameOf,
  type PlayerLeaveReasonName,
} from '../core/spelling.js';
import { type AuditRecord, auditRecordOf } from './audit-record.js';
import { type EndedValue, endedValueOf, type SharedValue, valueOf } from './shared-value.js';

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

/** The routing rules changed. */
export interface RoutingChanged {
  readonly kind: 'routingChanged';
  /** All rules after the change. */
  readonly rules: readonly RoutingRule[];
}

/** The settings of the network changed. */
export interface SettingsChanged {
  readonly kind: 'settingsChanged';
  /** All settings after the change. */
  readonly settings: NetworkSettings;
}

/** A shared value changed. */
export interface StateChanged {
  readonly kind: 'stateChanged';
  /** The value after the change. */
  readonly value: SharedValue;
}

/** A shared value ended. */
export interface StateDeleted {
  readonly kind: 'stateDeleted';
  /** The value, without its content. */
  readonly value: EndedValue;
}

/** An operator acted, or one node upon another. */
export interface AuditRecorded {
  readonly kind: 'auditRecorded';
  readonly record: AuditRecord;
}

/** An event on a topic `nodes.<name>`. */
export type NodeEvent = NodeJoined | NodeUpdated | NodeLeft;

/** An event on a topic `players.<id>`. */
export type PlayerEvent = PlayerJoined | PlayerMoved | PlayerUpdated | PlayerLeft;

/** An event on topic `routing` or `kelpie.settings`. */
export type NetworkEvent = RoutingChanged | SettingsChanged;

/** An event on a topic `state.<bucket>.<key>`. */
export type StateEvent = StateChanged | StateDeleted;

/** The body of an event of the coordinator. */
export type EventBody = NodeEvent | PlayerEvent | NetworkEvent | StateEvent | AuditRecorded;

/** The body of an event; undefined for a message, and for an event that this version does not have. */
export function bodyOf({ body, sequence }: Event): EventBody | undefined {
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
      return networkBodyOf({ body, sequence });
  }
}

function networkBodyOf({
  body,
  sequence,
}: Pick<Event, 'body' | 'sequence'>): NetworkEvent | StateEvent | AuditRecorded | undefined {
  switch (body?.$case) {
    case 'routingChanged':
      return { kind: body.$case, rules: rulesOf(body.value.table ?? RoutingTable.create()) };
    case 'settingsChanged':
      return { kind: body.$case, settings: body.value.settings ?? NetworkSettings.create() };
    case 'stateChanged': {
      const { value = StateValue.create() } = body.value;
      return { kind: body.$case, value: valueOf(value, sequence) };
    }
    case 'stateDeleted':
      return { kind: body.$case, value: endedValueOf(body.value, sequence) };
    case 'auditRecorded':
      return { kind: body.$case, record: auditRecordOf(body.value) };
    default:
      return undefined;
  }
}
