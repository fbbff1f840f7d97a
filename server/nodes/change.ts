/** Changes of an existing node. Pure. */
import {
  type Address,
  type Node,
  type NodeChange,
  nodeRoleToJSON,
  NodeState,
} from '../../gen/ts/kelpie/v1/node.js';
import { KelpieError, outOfRange } from '../core/errors.js';
import { commandsOf, labelsOf } from '../network/labels.js';
import { addressOf, checkState, motdOf } from './node.js';

/** A change that a node sends about itself: the host that the coordinator sees replaces an empty host. */
export function seenFrom(host: string, change: NodeChange): NodeChange {
  const seen = (address: Address | undefined): Address | undefined =>
    address?.host === '' ? { ...address, host } : address;
  return { ...change, address: seen(change.address), publicAddress: seen(change.publicAddress) };
}

/** The node after a change. Throws LABELS_INVALID, COMMAND_INVALID, TEXT_TOO_LONG or OUT_OF_RANGE. */
export function changedNode(node: Node, change: NodeChange): Node {
  const labels = { ...node.labels, ...change.labels };
  const removed = new Set(change.removedLabels);
  const kept = Object.fromEntries(Object.entries(labels).filter(([name]) => !removed.has(name)));
  const next = {
    ...node,
    labels: labelsOf(kept),
    maxPlayers: change.maxPlayers ?? node.maxPlayers,
    motd: change.motd === undefined ? node.motd : motdOf(change.motd),
    address: changedAddress('address', node.address, change.address),
    publicAddress: changedAddress('public_address', node.publicAddress, change.publicAddress),
    commands: commandsOf([...node.commands, ...change.addedCommands]).filter(
      (name) => !change.removedCommands.includes(name),
    ),
  };
  if (change.state === NodeState.UNSPECIFIED) return next;
  return withStates(next, { own: checkState(change.state) });
}

/** An empty host keeps the present host. */
function changedAddress(
  field: string,
  before: Address | undefined,
  after: Address | undefined,
): Address | undefined {
  if (!after) return before;
  const next = addressOf(field, after, before?.host ?? '');
  if (next?.host !== '') return next;
  throw outOfRange(
    `${field}.host`,
    253,
    `${field}.host is empty, and the node has no host: set one`,
  );
}

/** The state of a node: its own, and what others see instead. */
interface States {
  readonly own: NodeState;
  readonly unreachable: boolean;
  readonly drained: boolean;
}

function statesOf({ state, lastState, drained }: Node): States {
  const unreachable = state === NodeState.UNREACHABLE;
  return { own: unreachable || drained ? lastState : state, unreachable, drained };
}

/** An UNREACHABLE or drained node has its own state as `last_state`, and shows that state again afterwards. */
function withStates(node: Node, changed: Partial<States>): Node {
  const { own, unreachable, drained } = { ...statesOf(node), ...changed };
  if (unreachable) return { ...node, state: NodeState.UNREACHABLE, lastState: own, drained };
  if (drained) return { ...node, state: NodeState.DRAINING, lastState: own, drained };
  return { ...node, state: own, lastState: NodeState.UNSPECIFIED, drained };
}

/** The node after it lost its stream. */
export function unreachable(node: Node): Node {
  return withStates(node, { unreachable: true });
}

/** The node while an operator drains it, or no longer. */
export function drainedNode(node: Node, drained: boolean): Node {
  return withStates(node, { drained });
}

/**
 * The node after its process is back. Labels, max_players, motd, state and drain stay, because an operator may have
 * set them. Addresses come from the Hello, because the host may have a new address; so do the commands and the other
 * facts. Throws ROLE_INVALID for another role: the players of the node belong to the role that it has.
 */
export function resumed(known: Node, hello: Node): Node {
  if (hello.role !== known.role) throw roleChanged(known);
  const back = withStates(known, { unreachable: false });
  const { labels, maxPlayers, motd, state, lastState, drained, joinTime } = back;
  return { ...hello, labels, maxPlayers, motd, state, lastState, drained, joinTime };
}

function roleChanged({ name, role }: Node): KelpieError {
  const message =
    `this process has joined as "${name}" with the role ${nodeRoleToJSON(role)}, and a Hello cannot change it; ` +
    'start a new process, which has a new instance_id and may have another role';
  return new KelpieError('ROLE_INVALID', message, { name });
}
