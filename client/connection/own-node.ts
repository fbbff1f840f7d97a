/** Changes of the client's own node. */
import { type NodeChange, NodeState } from '../../gen/ts/kelpie/v1/node.js';
import type { Hello } from '../../gen/ts/kelpie/v1/session_service.js';
import { text, textList, texts, UINT32, whole } from '../core/arguments.js';
import { type Fields, known } from '../core/known.js';
import { type SettableState, settableStateOf } from '../core/spelling.js';

/** A change of the client's own node. A field that is left out stays as it is. */
export interface OwnNodeChange {
  /** Labels to set. */
  readonly labels?: Record<string, string>;
  /** Names of labels to remove. */
  readonly removedLabels?: readonly string[];
  readonly state?: SettableState;
  readonly maxPlayers?: number;
  readonly motd?: string;
  /** The address where proxies reach this node. Without a host: the address that the coordinator sees. */
  readonly address?: { readonly host?: string; readonly port: number };
  /** The address that a Bedrock transfer names to players. */
  readonly publicAddress?: { readonly host?: string; readonly port: number };
}

const FIELDS: Fields<OwnNodeChange> = {
  labels: 1,
  removedLabels: 1,
  state: 1,
  maxPlayers: 1,
  motd: 1,
  address: 1,
  publicAddress: 1,
};

/** Throws VALUE_INVALID or OUT_OF_RANGE; the coordinator checks the rest. */
export function changeOf(given: OwnNodeChange): NodeChange {
  const change = known('the change of a node', given, FIELDS);
  const { labels = {}, removedLabels = [], state, maxPlayers } = change;
  const { motd, address, publicAddress } = change;
  return {
    labels: texts('labels', labels),
    removedLabels: textList('removedLabels', removedLabels),
    state: state === undefined ? NodeState.UNSPECIFIED : settableStateOf(state),
    maxPlayers: maxPlayers === undefined ? undefined : whole('maxPlayers', maxPlayers, 0, UINT32),
    motd: motd === undefined ? undefined : text('motd', motd),
    address: address === undefined ? undefined : addressOf('address', address),
    publicAddress:
      publicAddress === undefined ? undefined : addressOf('publicAddress', publicAddress),
    addedCommands: [],
    removedCommands: [],
  };
}

/** The Hello of later streams, with the change: a coordinator that lost the node gets all facts of the node from it. */
export function helloAfter(hello: Hello, change: NodeChange): Hello {
  const labels = Object.entries({ ...hello.labels, ...change.labels });
  const removed = new Set(change.removedLabels);
  return {
    ...hello,
    labels: Object.fromEntries(labels.filter(([name]) => !removed.has(name))),
    maxPlayers: change.maxPlayers ?? hello.maxPlayers,
    motd: change.motd ?? hello.motd,
    address: change.address ?? hello.address,
    publicAddress: change.publicAddress ?? hello.publicAddress,
    state: change.state === NodeState.UNSPECIFIED ? hello.state : change.state,
  };
}

export function addressOf(
  field: string,
  address: { readonly host?: string; readonly port: number },
) {
  const { host = '', port } = known(field, address, { host: 1, port: 1 });
  return { host: text(`${field}.host`, host), port: whole(`${field}.port`, port, 1, 65_535) };
}
