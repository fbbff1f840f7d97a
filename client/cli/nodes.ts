/** `kelpie nodes`: the nodes of the network. */
import type { Command } from 'commander';
import { Event } from '../../gen/ts/kelpie/v1/event.js';
import { Node, NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import { type Api, pagesOf, type Selector } from '../api/index.js';
import { command, type Common, selecting, askAny } from './command.js';
import { after, follow, showGap, type WatchFrame } from './input/follow.js';
import { type Selection, selectorOf } from './input/issue.js';
import { type Cell, nameOf, print, shownTime, stateCell, table } from './output/output.js';
import { type Format, printRecord } from './output/records.js';
import { inWords } from './output/words.js';

interface NodesOptions extends Common, Selection {
  /** Go on with what changes. */
  readonly watch: boolean;
}

export function nodesCommand(): Command {
  return selecting(command('nodes', 'list the nodes of the network'))
    .option('--watch', 'go on with what changes, of all nodes', false)
    .action((options: NodesOptions) => askAny(options, (api) => nodes(api, options)));
}

/** Lists the nodes that match; with `watch`, follows all of them until the process ends. */
async function nodes(api: Api, options: NodesOptions): Promise<void> {
  const { output, watch } = options;
  const { found, cursor } = await allNodes(api, selectorOf(options));
  show(found, output);
  // From the list's own position, so nothing is missed between the two.
  if (watch) await follow(api, ['nodes.*'], after(cursor), (frame) => showChange(frame, output));
}

/** All pages of a list, and the position from which changes can be followed. */
async function allNodes(api: Api, filter: Selector) {
  const found: Node[] = [];
  let cursor;
  for await (const page of pagesOf((pageToken) =>
    api.messages.nodes.list({ ...filter, pageSize: 1000, pageToken }),
  )) {
    found.push(...page.nodes);
    ({ cursor } = page);
  }
  return { found, cursor };
}

function show(found: readonly Node[], output: Format): void {
  if (output !== 'table') {
    for (const node of found) printRecord(output, 'Node', Node.toJSON(node));
  } else if (found.length === 0) print('No node is there.');
  else print(table(['NAME', 'ROLE', 'STATE', 'ADDRESS', 'SOFTWARE', 'JOINED'], found.map(row)));
}

function row(node: Node): Cell[] {
  const { name, role, address, software, version, joinTime } = node;
  return [
    name,
    nameOf(NodeRole, role),
    stateCell(node),
    address ? `${address.host}:${address.port}` : '-',
    `${software} ${version}`.trim() || '-',
    shownTime(joinTime),
  ];
}

function showChange(frame: WatchFrame, output: Format): void {
  if (frame.$case === 'gap') showGap(frame.value, output);
  if (frame.$case === 'snapshot') {
    const rows = frame.value.rows.flatMap(({ resource }) =>
      resource?.$case === 'node' ? resource.value : [],
    );
    show(rows, output);
  }
  if (frame.$case !== 'eventBatch') return;
  for (const event of frame.value.events) {
    if (output === 'table') print(change(event));
    else printRecord(output, 'Event', Event.toJSON(event));
  }
}

/** `12:03:04  lobby-1  left (LOST)` */
function change(event: Event): string {
  const at = event.time?.toISOString().slice(11, 19) ?? '-';
  return `${at}  ${event.topic.slice('nodes.'.length)}  ${inWords(event)}`;
}
