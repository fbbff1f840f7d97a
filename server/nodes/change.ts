/** Changes of a node that is there. Pure. */
import {
  type Address,
  type Node,
  type NodeChange,
  NodeState,
} from '../../gen/ts/kelpie/v1/node.js';
import { outOfRange } from '../core/errors.js';
import { commandsOf, labelsOf } from '../network/labels.js';
import { addressOf, checkState, motdOf } from './node.js';

/** A node's change of itself: an empty host is the one that the coordinator sees. */
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
  // What it is up to is one thing, whether it can be reached another.
  return node.state === NodeState.UNREACHABLE ? { ...next, lastState: state } : { ...next, state };
}

/** An empty host keeps the host that is there. */
function changedAddress(
  field: string,
  before: Address | undefined,
  after: Address | undefined,
): Address | undefined {
  if (!after) return before;
  const next = addressOf(field, after, before?.host ?? '');
  if (next?.host !== '') return next;
  throw outOfRange(`${field}.host`, 253, `${field}.host is empty, and the node has none: name one`);
}

/** The node when its stream is lost. */
export function unreachable(node: Node): Node {
  if (node.state === NodeState.UNREACHABLE) return node;
  return { ...node, state: NodeState.UNREACHABLE, lastState: node.state };
}

/**
 * The node when its process is back. What a change can set stays as it is: whoever set it last may have
 * been an operator, and the process says what it changes itself. The rest is as its Hello has it, and so
 * are its commands, which only the process knows.
 */
export function resumed(known: Node, hello: Node): Node {
  const { labels, maxPlayers, state, lastState, joinTime } = reachable(known);
  return { ...hello, labels, maxPlayers, state, lastState, joinTime };
}

/** The node when it is back. */
function reachable(node: Node): Node {
  if (node.state !== NodeState.UNREACHABLE) return node;
  return { ...node, state: node.lastState, lastState: NodeState.UNSPECIFIED };
}
