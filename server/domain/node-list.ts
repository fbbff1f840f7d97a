/** The nodes as lists and one by one. */
import { Cursor as CursorMessage } from '../../gen/ts/kelpie/v1/cursor.js';
import type { Node } from '../../gen/ts/kelpie/v1/node.js';
import type { Cursor } from '../core/cursor.js';
import { KelpieError } from '../core/errors.js';
import type { Network } from './network.js';

const DEFAULT_PAGE = 100;
const LARGEST_PAGE = 1000;

/** A page of nodes, by name. */
export interface NodePage {
  readonly nodes: Node[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
  /** The position of the first page, on every page. */
  readonly cursor: Cursor;
}

/** Lists nodes. Throws OUT_OF_RANGE or PAGE_TOKEN_INVALID. */
export function listNodes(network: Network, pageSize: number, pageToken: string): NodePage {
  if (pageSize > LARGEST_PAGE) {
    throw new KelpieError('OUT_OF_RANGE', `a page has at most ${LARGEST_PAGE} nodes`, {
      field: 'page_size',
      limit: String(LARGEST_PAGE),
    });
  }
  const { after, cursor } = pageToken === '' ? firstPage(network) : readToken(pageToken);
  const size = pageSize === 0 ? DEFAULT_PAGE : pageSize;
  const names = [...network.tables.nodes.entries()].map(([name]) => name);
  const rest = names.filter((name) => name > after).sort();
  const page = rest.slice(0, size);
  const nodes = page.flatMap((name) => network.tables.nodes.get(name)?.value ?? []);
  const last = page.at(-1);
  const more = rest.length > size && last !== undefined;
  return { nodes, nextPageToken: more ? writeToken(last, cursor) : '', cursor };
}

/** The node of a name, in any case. Throws NODE_NOT_FOUND. */
export function getNode(network: Network, typed: string): Node {
  const node = network.tables.nodes.get(typed.toLowerCase())?.value;
  if (node) return node;
  const name = typed.slice(0, 255);
  throw new KelpieError('NODE_NOT_FOUND', `no node "${name}" is known`, { name });
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
