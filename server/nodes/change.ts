/** Changes of a node that is there. Pure. */
import { type Node, type NodeChange, NodeState } from '../../gen/ts/kelpie/v1/node.js';
import { commandsOf, labelsOf } from '../network/labels.js';
import { checkState } from './node.js';

/** The node after a change. Throws LABELS_INVALID, COMMAND_INVALID or OUT_OF_RANGE. */
export function changedNode(node: Node, change: NodeChange): Node {
  const labels = { ...node.labels, ...change.labels };
  const removed = new Set(change.removedLabels);
  const kept = Object.fromEntries(Object.entries(labels).filter(([name]) => !removed.has(name)));
  const next = {
    ...node,
    labels: labelsOf(kept),
    maxPlayers: change.maxPlayers ?? node.maxPlayers,
    commands: commandsOf([...node.commands, ...change.addedCommands]).filter(
      (name) => !change.removedCommands.includes(name),
    ),
  };
  if (change.state === NodeState.UNSPECIFIED) return next;
  const state = checkState(change.state);
  // What it is up to is one thing, whether it can be reached another.
  return node.state === NodeState.UNREACHABLE ? { ...next, lastState: state } : { ...next, state };
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
