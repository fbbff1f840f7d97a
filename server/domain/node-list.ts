/** The nodes as lists and one by one. */
import { Cursor as CursorMessage } from '../../gen/ts/kelpie/v1/cursor.js';
import type { Node, NodeState, NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import type { Cursor } from '../core/cursor.js';
import { KelpieError } from '../core/errors.js';
import type { Network } from './network.js';
import { pageSizeOf } from './page.js';
import type { Folded } from './table.js';

/** A page of nodes, by name. */
export interface NodePage {
  readonly nodes: Node[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
  /** The position of the first page, on every page. */
  readonly cursor: Cursor;
}

/** Which nodes to list: all that match each of these; what is empty matches any. */
export interface NodeFilter {
  readonly roles: readonly NodeRole[];
  readonly states: readonly NodeState[];
  readonly labels: Readonly<Record<string, string>>;
}

/** Lists nodes. Throws OUT_OF_RANGE or PAGE_TOKEN_INVALID. */
export function listNodes(
  network: Network,
  filter: NodeFilter,
  { pageSize, pageToken }: { pageSize: number; pageToken: string },
): NodePage {
  const size = pageSizeOf({ pageSize }, 'nodes');
  const { after, cursor } = pageToken === '' ? firstPage(network) : readToken(pageToken);
  const rest = [...network.tables.nodes.entries()]
    .filter(([name, { value }]) => name > after && matches(value, filter))
    .map(([, { value }]) => value)
    .sort((left, right) => (left.name < right.name ? -1 : 1));
  const nodes = rest.slice(0, size);
  const last = nodes.at(-1)?.name;
  const more = rest.length > size && last !== undefined;
  return { nodes, nextPageToken: more ? writeToken(last, cursor) : '', cursor };
}

function matches({ role, state, labels }: Node, filter: NodeFilter): boolean {
  return (
    (filter.roles.length === 0 || filter.roles.includes(role)) &&
    (filter.states.length === 0 || filter.states.includes(state)) &&
    Object.entries(filter.labels).every(([name, value]) => labels[name] === value)
  );
}

/** The node of a name, in any case. Throws NODE_NOT_FOUND. */
export function findNode(network: Network, typed: string): Folded<Node> {
  const found = network.tables.nodes.get(typed.toLowerCase());
  if (found) return found;
  throw notFound(typed.slice(0, 255));
}

/** The error for a name that no node has. */
export function notFound(name: string): KelpieError {
  return new KelpieError('NODE_NOT_FOUND', `no node "${name}" is known`, { name });
}

function firstPage(network: Network): { after: string; cursor: Cursor } {
  return { after: '', cursor: network.tail.head };
}

/** Opaque to clients: the cursor of the first page, then the last name. */
function writeToken(last: string, cursor: Cursor): string {
  const encoded = Buffer.from(CursorMessage.encode(cursor).finish()).toString('base64url');
  return `${encoded}.${last}`;
}

function readToken(token: string): { after: string; cursor: Cursor } {
  const [encoded = '', after = ''] = token.split('.');
  try {
    const cursor = CursorMessage.decode(Buffer.from(encoded, 'base64url'));
    if (after !== '' && cursor.epoch.length > 0) return { after, cursor };
  } catch {
    // Not a cursor: the same answer as for any other token that is not ours.
  }
  const message = 'the page token is not one of this list; begin again without a token';
  throw new KelpieError('PAGE_TOKEN_INVALID', message);
}
