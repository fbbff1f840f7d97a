/** `kelpie nodes`: who is part of the network. */
import { Event } from '../../gen/ts/kelpie/v1/event.js';
import { Node, NodeState, NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import type { Api } from './input/calls.js';
import { after, follow, showGap, type WatchFrame } from './input/follow.js';
import { nameOf, print, printJson, shownTime, table } from './output/output.js';
import { inWords } from './output/words.js';

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
    shownTime(joinTime),
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
function change(event: Event): string {
  const at = event.time?.toISOString().slice(11, 19) ?? '-';
  return `${at}  ${event.topic.slice('nodes.'.length)}  ${inWords(event)}`;
}
