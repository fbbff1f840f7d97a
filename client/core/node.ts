/** Nodes in the form of programs: with names in place of the numbers of the wire. */
import { type Node as WireNode, NodeRole, NodeState } from '../../gen/ts/kelpie/v1/node.js';
import { type RoleName, roleNameOf, type StateName, stateNameOf } from './spelling.js';

/** A node of the network: a proxy, a server, or another process with a session. */
export interface Node extends Readonly<Omit<WireNode, 'role' | 'state' | 'lastState' | 'load'>> {
  /** The role of the node. UNKNOWN: a role that this version of the client does not have. */
  readonly role: RoleName | 'UNKNOWN';
  /** The state of the node. UNKNOWN: a state that this version of the client does not have. */
  readonly state: StateName | 'UNKNOWN';
  /** Set while the node is UNREACHABLE or drained: its own state, which it has again afterwards. */
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

/** The node in the form of the wire. UNKNOWN becomes UNSPECIFIED. */
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
