/** Changes of the own node while it is connected. */
import { type NodeChange, NodeState } from '../../gen/ts/kelpie/v1/node.js';
import type { Hello } from '../../gen/ts/kelpie/v1/session_service.js';
import { textList, texts, UINT32, whole } from '../core/arguments.js';
import { type SettableState, settableStateOf } from '../core/spelling.js';

/** What changes; what is left out stays. */
export interface Change {
  readonly labels?: Record<string, string>;
  readonly removedLabels?: readonly string[];
  readonly state?: SettableState;
  readonly maxPlayers?: number;
}

/** Throws VALUE_INVALID or OUT_OF_RANGE; the coordinator checks the rest. */
export function changeOf(change: Change): NodeChange {
  const { labels = {}, removedLabels = [], state, maxPlayers } = change;
  return {
    labels: texts('labels', labels),
    removedLabels: textList('removedLabels', removedLabels),
    state: state === undefined ? NodeState.UNSPECIFIED : settableStateOf(state),
    maxPlayers: maxPlayers === undefined ? undefined : whole('maxPlayers', maxPlayers, 0, UINT32),
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
