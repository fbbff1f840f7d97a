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
  const state = checkState(change.state);
  // An UNREACHABLE node stays UNREACHABLE; it takes the new state when its process is back.
  return node.state === NodeState.UNREACHABLE ? { ...next, lastState: state } : { ...next, state };
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

/** The node after it lost its stream. */
export function unreachable(node: Node): Node {
  if (node.state === NodeState.UNREACHABLE) return node;
  return { ...node, state: NodeState.UNREACHABLE, lastState: node.state };
}

/**
 * The node after its process is back. Labels, max_players, motd and state stay, because an operator may have set
 * them. Addresses come from the Hello, because the host may have a new address; so do the commands and the other
 * facts. Throws ROLE_INVALID for another role: the players of the node belong to the role that it has.
 */
export function resumed(known: Node, hello: Node): Node {
  if (hello.role !== known.role) throw roleChanged(known);
  const { labels, maxPlayers, motd, state, lastState, joinTime } = reachable(known);
  return { ...hello, labels, maxPlayers, motd, state, lastState, joinTime };
}

function roleChanged({ name, role }: Node): KelpieError {
  const message =
    `this process has joined as "${name}" with the role ${nodeRoleToJSON(role)}, and a Hello cannot change it; ` +
    'start a new process, which has a new instance_id and may have another role';
  return new KelpieError('ROLE_INVALID', message, { name });
}

/** The node with its state of before it became UNREACHABLE. */
function reachable(node: Node): Node {
  if (node.state !== NodeState.UNREACHABLE) return node;
  return { ...node, state: node.lastState, lastState: NodeState.UNSPECIFIED };
}
