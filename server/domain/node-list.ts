/** The nodes as lists and one by one. */
import type { NodeSelector } from '../../gen/ts/kelpie/v1/command.js';
import { Node } from '../../gen/ts/kelpie/v1/node.js';
import { KelpieError } from '../core/errors.js';
import type { Network } from './network.js';
import { type Page, pageOf, type PageRequest } from './page.js';
import type { Folded } from './table.js';
import { cutText } from '../core/text.js';

/** What the load takes that is told beside a node. */
const LOAD_BYTES = 128;

/** Lists nodes by name, in turns. Throws OUT_OF_RANGE or PAGE_TOKEN_INVALID. */
export function listNodes(
  network: Network,
  selector: NodeSelector,
  request: PageRequest,
): Promise<Page<Node>> {
  const { nodes } = network.tables;
  const matches = matcherOf(selector);
  const listing = {
    after: (name: string) => nodes.names.after(name),
    item: (name: string) => {
      const node = nodes.get(name)?.value;
      return node && matches(node) ? node : undefined;
    },
    bytesOf: (node: Node) => Node.encode(node).finish().length + LOAD_BYTES,
  };
  return network.searches.work(pageOf(listing, network.tail.head, request, 'nodes'));
}

/** The nodes that match each of these; what is empty matches any. */
export function selected(network: Network, selector: NodeSelector): Node[] {
  const matches = matcherOf(selector);
  const nodes = Array.from(network.tables.nodes.entries(), ([, { value }]) => value);
  return nodes.filter(matches);
}

/** Repeated roles and states cost once, however many there are. */
function matcherOf({ roles, states, labels }: NodeSelector): (node: Node) => boolean {
  const wantedRoles = new Set(roles);
  const wantedStates = new Set(states);
  const wantedLabels = Object.entries(labels);
  return (node) =>
    (wantedRoles.size === 0 || wantedRoles.has(node.role)) &&
    (wantedStates.size === 0 || wantedStates.has(node.state)) &&
    wantedLabels.every(([name, value]) => node.labels[name] === value);
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
