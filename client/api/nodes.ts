/** NodeService: the nodes of the network. */
import type { Node, NodeChange } from '../../gen/ts/kelpie/v1/node.js';
import {
  type ListNodesResponse,
  NodeServiceDefinition,
} from '../../gen/ts/kelpie/v1/node_service.js';
import { type Selector, selectorOf } from '../commands/commands.js';
import { KelpieError } from '../errors.js';
import { type CallOptions, callOptions, type CreateService, type Service } from './call.js';
import { type PageOptions, pagesOf } from './paging.js';

export class NodesApi {
  readonly #service: Service<typeof NodeServiceDefinition>;

  /** @internal */
  constructor(create: CreateService) {
    this.#service = create(NodeServiceDefinition);
  }

  /** One page of the nodes that match, by name; without a filter, of all. */
  async list(
    { pageSize = 0, pageToken = '', ...selector }: Selector & PageOptions = {},
    options: CallOptions = {},
  ): Promise<ListNodesResponse> {
    const request = { pageSize, pageToken, ...selectorOf(selector) };
    return this.#service.listNodes(request, callOptions(options));
  }

  /** All pages. Each has the cursor of the first one: watching `nodes.*` from there misses nothing. */
  pages(filter: Selector & { readonly pageSize?: number } = {}, options: CallOptions = {}) {
    return pagesOf((pageToken) => this.list({ ...filter, pageToken }, options));
  }

  /** All nodes that match, by name. */
  async *all(filter: Selector = {}, options: CallOptions = {}): AsyncGenerator<Node, void> {
    for await (const { nodes } of this.pages({ ...filter, pageSize: 1000 }, options)) yield* nodes;
  }

  /** One node, with its load. Rejects with NODE_NOT_FOUND. */
  async get(name: string, options: CallOptions = {}): Promise<Node> {
    return given((await this.#service.getNode({ name }, callOptions(options))).node);
  }

  /**
   * Changes what others see of a node, and what its session reported before. Rejects with NODE_NOT_FOUND,
   * LABELS_INVALID or OUT_OF_RANGE.
   */
  async update(
    name: string,
    change: Partial<NodeChange>,
    options: CallOptions = {},
  ): Promise<Node> {
    return given((await this.#service.updateNode({ name, change }, callOptions(options))).node);
  }

  /** Ends a node's session and presence at once. Rejects with NODE_NOT_FOUND. */
  async disconnect(name: string, options: CallOptions = {}): Promise<void> {
    await this.#service.disconnectNode({ name }, callOptions(options));
  }
}

function given(node: Node | undefined): Node {
  if (node) return node;
  throw new KelpieError('PROTOCOL', 'the coordinator answered without the node');
}
