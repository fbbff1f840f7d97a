/** The nodes as lists and one by one. */
import type { NodeSelector } from '../../gen/ts/kelpie/v1/command.js';
import { Node } from '../../gen/ts/kelpie/v1/node.js';
import { KelpieError, outOfRange } from '../core/errors.js';
import { labelsOf } from '../network/labels.js';
import type { Network } from '../network/network.js';
import { type Page, pageOf, type PageRequest } from '../network/pages.js';
import type { Folded } from '../network/table.js';
import { cutText } from '../core/text.js';

/** What the load takes that is told beside a node. */
const LOAD_BYTES = 128;
/** Roles or states that a selector names, some of them more than once. */
const NAMED = 64;

/** Lists nodes by name, in turns; `asker`: whose turn it is. Throws OUT_OF_RANGE, LABELS_INVALID or PAGE_TOKEN_INVALID. */
export function listNodes(
  network: Network,
  selector: NodeSelector,
  request: PageRequest,
  asker?: unknown,
): Promise<Page<Node>> {
  const { nodes } = network.nodeRows;
  const matches = matcherOf(selector);
  const listing = {
    after: (name: string) => nodes.names.after(name),
    item: (name: string) => {
      const node = nodes.get(name)?.value;
      return node && matches(node) ? node : undefined;
    },
    bytesOf: (node: Node) => Node.encode(node).finish().length + LOAD_BYTES,
  };
  return network.searches.work(pageOf(listing, network.tail.head, request, 'nodes'), asker);
}

/** The nodes that match each of these; what is empty matches any. Throws OUT_OF_RANGE or LABELS_INVALID. */
export function selected(network: Network, selector: NodeSelector): Node[] {
  const matches = matcherOf(selector);
  const nodes = Array.from(network.nodeRows.nodes.entries(), ([, { value }]) => value);
  return nodes.filter(matches);
}

/** Bounded before any node is looked at. Throws OUT_OF_RANGE or LABELS_INVALID. */
function matcherOf({ roles, states, labels }: NodeSelector): (node: Node) => boolean {
  checkNamed('roles', roles);
  checkNamed('states', states);
  const wantedLabels = Object.entries(labelsOf(labels));
  return (node) =>
    (roles.length === 0 || roles.includes(node.role)) &&
    (states.length === 0 || states.includes(node.state)) &&
    wantedLabels.every(([name, value]) => node.labels[name] === value);
}

function checkNamed(field: string, values: readonly unknown[]): void {
  if (values.length <= NAMED) return;
  const message = `a selector names ${values.length} ${field}; at most ${NAMED} fit`;
  throw outOfRange(field, NAMED, message);
}

/** The node of a name, in any case. Throws NODE_NOT_FOUND. */
export function findNode(network: Network, typed: string): Folded<Node> {
  const found = network.nodeRows.nodes.get(typed.toLowerCase());
  if (found) return found;
  throw notFound(cutText(typed, 255));
}

/** The error for a name that no node has. */
export function notFound(name: string): KelpieError {
  return new KelpieError('NODE_NOT_FOUND', `no node "${name}" is known`, { name });
}
