/** The nodes as lists and one by one. */
import type { NodeSelector } from '../../gen/ts/kelpie/v1/command.js';
import type { Node } from '../../gen/ts/kelpie/v1/node.js';
import type { Cursor } from '../core/cursor.js';
import { KelpieError } from '../core/errors.js';
import type { Network } from './network.js';
import { pageOf, type PageRequest } from './page.js';
import type { Folded } from './table.js';
import { cutText } from '../core/text.js';

/** A page of nodes, by name. */
export interface NodePage {
  readonly nodes: Node[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
  /** The position of the first page, on every page. */
  readonly cursor: Cursor;
}

/** Lists nodes. Throws OUT_OF_RANGE or PAGE_TOKEN_INVALID. */
export function listNodes(
  network: Network,
  selector: NodeSelector,
  request: PageRequest,
): NodePage {
  const found = new Map(selected(network, selector).map((node) => [node.name, node]));
  const { names, ...page } = pageOf(found.keys(), network.tail.head, request, 'nodes');
  return { nodes: names.flatMap((name) => found.get(name) ?? []), ...page };
}

/** The nodes that match each of these; what is empty matches any. */
export function selected(network: Network, { roles, states, labels }: NodeSelector): Node[] {
  const wanted = Object.entries(labels);
  return [...network.tables.nodes.entries()]
    .map(([, { value }]) => value)
    .filter(
      (node) =>
        (roles.length === 0 || roles.includes(node.role)) &&
        (states.length === 0 || states.includes(node.state)) &&
        wanted.every(([name, value]) => node.labels[name] === value),
    );
}

/** The node of a name, in any case. Throws NODE_NOT_FOUND. */
export function findNode(network: Network, typed: string): Folded<Node> {
  const found = network.tables.nodes.get(typed.toLowerCase());
  if (found) return found;
  throw notFound(cutText(typed, 255));
}

/** The error for a name that no node has. */
export function notFound(name: string): KelpieError {
  return new KelpieError('NODE_NOT_FOUND', `no node "${name}" is known`, { name });
}
