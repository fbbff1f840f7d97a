/** `kelpie nodes`: who is part of the network. */
import { Event, NodeLeaveReason } from '../../gen/ts/kelpie/v1/event.js';
import { Node, NodeState, NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import type { Api } from '../api.js';
import { after, follow, showGap, type WatchFrame } from './follow.js';
import { nameOf, print, printJson, table } from './output.js';

export interface NodesOptions {
  readonly json: boolean;
  /** Go on with what changes. */
  readonly watch: boolean;
  readonly role: readonly NodeRole[];
  readonly state: readonly NodeState[];
  readonly label: Readonly<Record<string, string>>;
}

/** Lists the nodes that match; with `watch`, follows all of them until the process ends. */
export async function nodes(api: Api, options: NodesOptions): Promise<void> {
  const { json, watch } = options;
  const { found, cursor } = await allNodes(api, options);
  show(found, json);
  // From the list's own position, so nothing is missed between the two.
  if (watch) await follow(api, ['nodes.*'], after(cursor), (frame) => showChange(frame, json));
}

/** All pages of a list, and the position from which what changes can be followed. */
export async function allNodes(
  api: Api,
  { role = [], state = [], label = {} }: Partial<NodesOptions>,
  signal?: AbortSignal,
) {
  const found: Node[] = [];
  let pageToken = '';
  for (;;) {
    const filter = { roles: [...role], states: [...state], labels: label };
    const page = await api.nodes.listNodes(
      { pageSize: 1000, pageToken, ...filter },
      signal ? { signal } : {},
    );
    found.push(...page.nodes);
    pageToken = page.nextPageToken;
    if (pageToken === '') return { found, cursor: page.cursor };
  }
}

function show(found: readonly Node[], json: boolean): void {
  if (json) for (const node of found) printJson(Node.toJSON(node));
  else if (found.length === 0) print('No node is there.');
  else print(table(['NAME', 'ROLE', 'STATE', 'ADDRESS', 'SOFTWARE', 'JOINED'], found.map(row)));
}

function row({ name, role, state, address, software, version, joinTime }: Node): string[] {
  return [
    name,
    nameOf(NodeRole, role),
    nameOf(NodeState, state),
    address ? `${address.host}:${address.port}` : '-',
    `${software} ${version}`.trim() || '-',
    joinTime?.toISOString().replace(/\.\d+Z$/, 'Z') ?? '-',
  ];
}

function showChange(frame: WatchFrame, json: boolean): void {
  if (frame.$case === 'gap') showGap(frame.value, json);
  if (frame.$case === 'snapshot') {
    show(
      frame.value.rows.flatMap(({ resource }) =>
        resource?.$case === 'node' ? resource.value : [],
      ),
      json,
    );
  }
  if (frame.$case !== 'eventBatch') return;
  for (const event of frame.value.events) {
    if (json) printJson(Event.toJSON(event));
    else print(change(event));
  }
}

/** `12:03:04  lobby-1  left (LOST)` */
function change({ time, topic, body }: Event): string {
  const at = time?.toISOString().slice(11, 19) ?? '-';
  const name = topic.slice('nodes.'.length);
  switch (body?.$case) {
    case 'nodeJoined':
      return `${at}  ${name}  joined`;
    case 'nodeUpdated':
      return `${at}  ${name}  is ${nameOf(NodeState, body.value.node?.state ?? 0)}`;
    case 'nodeLeft':
      return `${at}  ${name}  left (${nameOf(NodeLeaveReason, body.value.reason)})`;
    default:
      return `${at}  ${name}  an event of a newer kind`;
  }
}
