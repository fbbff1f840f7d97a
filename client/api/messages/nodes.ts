/** NodeService: the nodes of the network, as messages of the contract. */
import type { Node } from '../../../gen/ts/kelpie/v1/node.js';
import {
  type DrainNodeResponse,
  type ListNodesResponse,
  NodeServiceDefinition,
  type ReserveSlotsResponse,
} from '../../../gen/ts/kelpie/v1/node_service.js';
import { type Selector, selectorOf } from '../../commands/commands.js';
import { changeOf, type OwnNodeChange } from '../../connection/own-node.js';
import { object, text, textList } from '../../core/arguments.js';
import { type DrainOptions, drainRequestOf } from '../../transfers/drain.js';
import { releaseRequestOf, reserveRequestOf, type SlotRequest } from '../../transfers/slots.js';
import { KelpieError } from '../../errors.js';
import { type CallOptions, callOptions, type CreateService, type Service } from '../call.js';
import { type PageOptions, pageSizeOf } from '../paging.js';

/** A change of a node. A fact that it leaves out stays. */
export interface NodeUpdate extends OwnNodeChange {
  /** Names of commands that the node handles from now on. */
  readonly addedCommands?: readonly string[];
  /** Names of commands that the node handles no more. */
  readonly removedCommands?: readonly string[];
}

/** How a node is drained, and the options of the call. */
export interface DrainCallOptions extends CallOptions, DrainOptions {}

/** The calls of `api.nodes`, with answers as the contract has them. */
export class NodeMessages {
  readonly #service: Service<typeof NodeServiceDefinition>;

  /** @internal */
  constructor(create: CreateService) {
    this.#service = create(NodeServiceDefinition);
  }

  async list(
    filter: Selector & PageOptions = {},
    options: CallOptions = {},
  ): Promise<ListNodesResponse> {
    const { pageSize = 0, pageToken = '', ...selector } = filter;
    const request = { pageSize: pageSizeOf(pageSize), pageToken, ...selectorOf(selector) };
    return this.#service.listNodes(request, callOptions(options));
  }

  async get(name: string, options: CallOptions = {}): Promise<Node> {
    return given(
      (await this.#service.getNode({ name: text('name', name) }, callOptions(options))).node,
    );
  }

  async update(name: string, update: NodeUpdate, options: CallOptions = {}): Promise<Node> {
    const { addedCommands = [], removedCommands = [], ...rest } = update;
    const change = {
      ...changeOf(rest),
      addedCommands: textList('addedCommands', addedCommands),
      removedCommands: textList('removedCommands', removedCommands),
    };
    return given(
      (await this.#service.updateNode({ name: text('name', name), change }, callOptions(options)))
        .node,
    );
  }

  async disconnect(name: string, options: CallOptions = {}): Promise<void> {
    await this.#service.disconnectNode({ name: text('name', name) }, callOptions(options));
  }

  async *drain(
    name: string,
    options: DrainCallOptions = {},
  ): AsyncGenerator<DrainNodeResponse, void> {
    const { timeoutMs, signal, metadata, ...drain } = object(
      'options',
      options,
    ) as DrainCallOptions;
    const call = {
      ...(timeoutMs !== undefined && { timeoutMs }),
      ...(signal && { signal }),
      ...(metadata && { metadata }),
    };
    yield* this.#service.drainNode(drainRequestOf(name, drain), callOptions(call));
  }

  /** Undefined: no node has the name now. */
  async cancelDrain(name: string, options: CallOptions = {}): Promise<Node | undefined> {
    const request = { name: text('name', name) };
    return (await this.#service.cancelNodeDrain(request, callOptions(options))).node;
  }

  async reserve(request: SlotRequest, options: CallOptions = {}): Promise<ReserveSlotsResponse> {
    return this.#service.reserveSlots(reserveRequestOf(request), callOptions(options));
  }

  async release(id: string, slots?: number, options: CallOptions = {}): Promise<void> {
    await this.#service.releaseSlots(releaseRequestOf(id, slots), callOptions(options));
  }
}

function given(node: Node | undefined): Node {
  if (node) return node;
  throw new KelpieError('PROTOCOL', 'the coordinator answered without the node');
}
