/** Lists, selects and finds nodes. */
import type { NodeSelector } from '../../gen/ts/kelpie/v1/command.js';
import { Node } from '../../gen/ts/kelpie/v1/node.js';
import { KelpieError, outOfRange } from '../core/errors.js';
import { cutText } from '../core/text.js';
import { labelsOf } from '../network/labels.js';
import type { Network } from '../network/network.js';
import { type Page, pageOf, type PageRequest } from '../network/pages.js';
import type { Folded } from '../network/table.js';
import type { NodeRows } from './rows.js';

/** Bytes that an answer reserves for the load of each node. */
const LOAD_BYTES = 128;
/** The most roles or states in a selector, repetitions included. */
const NAMED = 64;

export class NodeQueries {
  readonly #network: Pick<Network, 'head' | 'searches'>;
  readonly #rows: NodeRows;

  constructor(network: Pick<Network, 'head' | 'searches'>, rows: NodeRows) {
    this.#network = network;
    this.#rows = rows;
  }

  /**
   * Lists nodes by name. Long lists take turns with other searches; `asker` is the connection whose turn this
   * uses. Throws OUT_OF_RANGE, LABELS_INVALID or PAGE_TOKEN_INVALID.
   */
  list(selector: NodeSelector, request: PageRequest, asker?: unknown): Promise<Page<Node>> {
    const { nodes } = this.#rows;
    const matches = matcherOf(selector);
    const listing = {
      after: (name: string) => nodes.names.after(name),
      item: (name: string) => {
        const node = nodes.get(name)?.value;
        return node && matches(node) ? node : undefined;
      },
      bytesOf: (node: Node) => Node.encode(node).finish().length + LOAD_BYTES,
    };
    const { head, searches } = this.#network;
    return searches.work(pageOf(listing, head, request, 'nodes'), asker);
  }

  /** The nodes that match each part of the selector; an empty part matches all. Throws OUT_OF_RANGE or LABELS_INVALID. */
  selected(selector: NodeSelector): Node[] {
    const matches = matcherOf(selector);
    const nodes = Array.from(this.#rows.nodes.entries(), ([, { value }]) => value);
    return nodes.filter(matches);
  }

  /** The node with this name, in upper or lower case. Throws NODE_NOT_FOUND. */
  find(typed: string): Folded<Node> {
    return findNode(this.#rows, typed);
  }
}

/** The node with this name, in upper or lower case. Throws NODE_NOT_FOUND. */
export function findNode({ nodes }: NodeRows, typed: string): Folded<Node> {
  const found = nodes.get(typed.toLowerCase());
  if (found) return found;
  throw notFound(cutText(typed, 255));
}

/** Checks the size of the selector before it reads any node. Throws OUT_OF_RANGE or LABELS_INVALID. */
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

/** The error where no node has the name. */
export function notFound(name: string): KelpieError {
  return new KelpieError('NODE_NOT_FOUND', `the network has no node "${name}"`, { name });
}
