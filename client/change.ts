/** Changes of the own node while it is connected. */
import { type NodeChange, NodeState } from '../gen/ts/kelpie/v1/node.js';
import type { Hello } from '../gen/ts/kelpie/v1/session_service.js';
import type { SettableState } from './options.js';

/** What changes; what is left out stays. */
export interface Change {
  readonly labels?: Record<string, string>;
  readonly removedLabels?: readonly string[];
  readonly state?: SettableState;
  readonly maxPlayers?: number;
}

export function changeOf({ labels, removedLabels, state, maxPlayers }: Change): NodeChange {
  return {
    labels: labels ?? {},
    removedLabels: [...(removedLabels ?? [])],
    state: state ? NodeState[state] : NodeState.UNSPECIFIED,
    maxPlayers,
    addedCommands: [],
    removedCommands: [],
  };
}

/** What the node says of itself from then on: a coordinator that forgot it is told all of it. */
export function helloAfter(hello: Hello, change: Change): Hello {
  const labels = Object.entries({ ...hello.labels, ...change.labels });
  const removed = new Set(change.removedLabels);
  return {
    ...hello,
    labels: Object.fromEntries(labels.filter(([name]) => !removed.has(name))),
    maxPlayers: change.maxPlayers ?? hello.maxPlayers,
    state: change.state ? NodeState[change.state] : hello.state,
  };
}
