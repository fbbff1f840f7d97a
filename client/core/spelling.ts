/** Names of the contract as programs spell them. Any other spelling is refused: it would mean the default. */
import { MessageOrigin } from '../../gen/ts/kelpie/v1/event.js';
import { NodeRole, NodeState } from '../../gen/ts/kelpie/v1/node.js';
import { oneOf } from './arguments.js';

/** What a node is to the network. */
export type RoleName = Exclude<keyof typeof NodeRole, 'UNSPECIFIED'>;

/** What a node is up to. */
export type StateName = Exclude<keyof typeof NodeState, 'UNSPECIFIED'>;

/** What a node can say that it is up to. */
export type SettableState = Exclude<StateName, 'UNREACHABLE'>;

/** Who wrote the content of a message: the publisher's own program, or perhaps a player's client. */
export type OriginName = keyof typeof MessageOrigin;

/** Throws VALUE_INVALID. */
export function originOf(name: OriginName): MessageOrigin {
  if (name === 'UNSPECIFIED') return MessageOrigin.UNSPECIFIED;
  return MessageOrigin[oneOf<'NODE'>('origin', name, MessageOrigin)];
}

/** Throws VALUE_INVALID. */
export function roleOf(name: RoleName): NodeRole {
  return NodeRole[oneOf<RoleName>('role', name, NodeRole)];
}

/** Throws VALUE_INVALID. */
export function stateOf(name: StateName): NodeState {
  return NodeState[oneOf<StateName>('state', name, NodeState)];
}

/** Throws VALUE_INVALID. */
export function settableStateOf(name: SettableState): NodeState {
  const { STARTING, READY, DRAINING, MAINTENANCE } = NodeState;
  return stateOf(oneOf<SettableState>('state', name, { STARTING, READY, DRAINING, MAINTENANCE }));
}
