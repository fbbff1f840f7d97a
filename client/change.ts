/** Changes of the own node while it is connected. */
import { type NodeChange, NodeState } from '../gen/ts/kelpie/v1/node.js';
import type { Hello } from '../gen/ts/kelpie/v1/session_service.js';
import type { SettableState } from './options.js';

/** What changes; what is left out stays. */
export interface Change {
  readonly setLabels?: Record<string, string>;
  readonly removeLabels?: readonly string[];
  readonly state?: SettableState;
  readonly maxPlayers?: number;
}

export function changeOf({ setLabels, removeLabels, state, maxPlayers }: Change): NodeChange {
  return {
    setLabels: setLabels ?? {},
    removeLabels: [...(removeLabels ?? [])],
    state: state ? NodeState[state] : NodeState.UNSPECIFIED,
    maxPlayers,
  };
}

/** What the node says of itself from then on: a coordinator that forgot it is told all of it. */
export function helloAfter(hello: Hello, change: Change): Hello {
  const labels = Object.entries({ ...hello.labels, ...change.setLabels });
  const removed = new Set(change.removeLabels);
  return {
    ...hello,
    labels: Object.fromEntries(labels.filter(([name]) => !removed.has(name))),
    maxPlayers: change.maxPlayers ?? hello.maxPlayers,
    state: change.state ? NodeState[change.state] : hello.state,
  };
}
