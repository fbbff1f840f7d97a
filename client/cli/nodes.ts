/** `kelpie nodes`: who is part of the network. */
import { Node, NodeState, Role } from '../../gen/ts/kelpie/v1/node.js';
import type { Api } from '../api.js';
import { nameOf, print, printJson, table } from './output.js';

export async function nodes(api: Api, { json }: { json: boolean }): Promise<void> {
  const found = await all(api);
  if (json) {
    for (const node of found) printJson(Node.toJSON(node));
    return;
  }
  if (found.length === 0) {
    print('No node is connected.');
    return;
  }
  print(table(['NAME', 'ROLE', 'STATE', 'ADDRESS', 'SOFTWARE', 'JOINED'], found.map(row)));
}

async function all(api: Api): Promise<Node[]> {
  const found: Node[] = [];
  let pageToken = '';
  do {
    const page = await api.nodes.listNodes({ pageSize: 1000, pageToken });
    found.push(...page.nodes);
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return found;
}

function row({ name, role, state, address, software, version, joinTime }: Node): string[] {
  return [
    name,
    nameOf(Role, role),
    nameOf(NodeState, state),
    address ? `${address.host}:${address.port}` : '-',
    `${software} ${version}`.trim() || '-',
    joinTime?.toISOString().replace(/\.\d+Z$/, 'Z') ?? '-',
  ];
}
