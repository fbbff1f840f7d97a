/** Nodes as users see them, with names in place of the numbers of the wire. */
import { type Node as WireNode, NodeRole, NodeState } from '../../gen/ts/kelpie/v1/node.js';
import { type RoleName, roleNameOf, type StateName, stateNameOf } from './spelling.js';

/** A node of the network: a proxy, a server, or another process with a session. */
export interface Node extends Readonly<Omit<WireNode, 'role' | 'state' | 'lastState' | 'load'>> {
  /** What the node is to the network. UNKNOWN: a role that this version of the client does not know. */
  readonly role: RoleName | 'UNKNOWN';
  /** The state of the node. UNKNOWN: a state that this version of the client does not know. */
  readonly state: StateName | 'UNKNOWN';
  /** While the node is UNREACHABLE: the state before, which the node has again when it is back. */
  readonly lastState: StateName | 'UNKNOWN' | undefined;
}

export function nodeOf(node: WireNode): Node {
  const { role, state, lastState } = node;
  return {
    ...node,
    role: roleNameOf(role),
    state: stateNameOf(state),
    lastState: lastState === NodeState.UNSPECIFIED ? undefined : stateNameOf(lastState),
  };
}

/** The node as the wire has it. UNKNOWN becomes UNSPECIFIED. */
export function wireNodeOf({ role, state, lastState, ...node }: Node): WireNode {
  const { UNSPECIFIED } = NodeState;
  return {
    ...node,
    role: role === 'UNKNOWN' ? NodeRole.UNSPECIFIED : NodeRole[role],
    state: state === 'UNKNOWN' ? UNSPECIFIED : NodeState[state],
    lastState:
      lastState === undefined || lastState === 'UNKNOWN' ? UNSPECIFIED : NodeState[lastState],
    load: undefined,
  };
}
