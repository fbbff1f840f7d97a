/** NodeService: the nodes of the network. */
import type { Cursor } from '../../gen/ts/kelpie/v1/cursor.js';
import type { Node as WireNode, NodeLoad } from '../../gen/ts/kelpie/v1/node.js';
import type { Selector } from '../commands/commands.js';
import { type Node, nodeOf } from '../core/node.js';
import type { SlotRequest } from '../transfers/slots.js';
import { type DrainProgress, drainProgressOf } from '../transfers/drain.js';
import type { CallOptions } from './call.js';
import type { DrainCallOptions, NodeMessages, NodeUpdate } from './messages/nodes.js';
import { type PageOptions, pagesOf } from './paging.js';

/** A node, with the load that it reported last. */
export interface NodeWithLoad extends Node {
  /** Undefined if the node reported none to this coordinator. */
  readonly load: NodeLoad | undefined;
}

/** A page of nodes. */
export interface NodePage {
  /** By name. */
  readonly nodes: readonly NodeWithLoad[];
  /** The `pageToken` of the next page; empty if this is the last one. */
  readonly nextPageToken: string;
  /** Watching `nodes.*` after the cursor of the first page misses nothing. */
  readonly cursor: Cursor | undefined;
}

/** Slots that are held. */
export interface HeldSlots {
  /** The id of the reservation, by which it is released. */
  readonly id: string;
  /** The name of the node. */
  readonly node: string;
}

/** The calls for nodes. */
export class NodesApi {
  readonly #messages: NodeMessages;

  /** @internal */
  constructor(messages: NodeMessages) {
    this.#messages = messages;
  }

  /** One page of the nodes that match, by name; without a filter, of all. */
  async list(filter: Selector & PageOptions = {}, options: CallOptions = {}): Promise<NodePage> {
    const { nodes, nextPageToken, cursor } = await this.#messages.list(filter, options);
    return { nodes: nodes.map(withLoad), nextPageToken, cursor };
  }

  /** All pages. Each has the cursor of the first one: watching `nodes.*` from there misses nothing. */
  pages(
    filter: Selector & { readonly pageSize?: number } = {},
    options: CallOptions = {},
  ): AsyncGenerator<NodePage, void> {
    return pagesOf((pageToken) => this.list({ ...filter, pageToken }, options));
  }

  /** All nodes that match, by name. */
  async *all(filter: Selector = {}, options: CallOptions = {}): AsyncGenerator<NodeWithLoad, void> {
    for await (const { nodes } of this.pages({ ...filter, pageSize: 1000 }, options)) yield* nodes;
  }

  /** One node. Rejects with NODE_NOT_FOUND. */
  async get(name: string, options: CallOptions = {}): Promise<NodeWithLoad> {
    return withLoad(await this.#messages.get(name, options));
  }

  /**
   * Changes what others see of a node, and what its session reported before. Resolves with the node after the
   * change. Rejects with NODE_NOT_FOUND, LABELS_INVALID, COMMAND_INVALID, TEXT_TOO_LONG or OUT_OF_RANGE.
   */
  async update(name: string, update: NodeUpdate, options: CallOptions = {}): Promise<NodeWithLoad> {
    return withLoad(await this.#messages.update(name, update, options));
  }

  /** Ends a node's session and presence at once. Rejects with NODE_NOT_FOUND. */
  async disconnect(name: string, options: CallOptions = {}): Promise<void> {
    return this.#messages.disconnect(name, options);
  }

  /**
   * Empties a proxy or a server, and gives the progress: once at once, at most twice a second, and the end. The drain
   * begins when the caller reads the first progress. It goes on if the caller stops reading, and also if the
   * connection breaks. The node stays DRAINING until `cancelDrain`, also after a restart of the node or the
   * coordinator. A second call replaces destination, rate and deadline. Throws NODE_NOT_FOUND,
   * ROLE_HOLDS_NO_PLAYERS, LABELS_INVALID, NODE_NAME_INVALID, NO_PUBLIC_ADDRESS, TRANSFER_LIMIT, OUT_OF_RANGE or
   * VALUE_INVALID.
   */
  async *drain(name: string, options: DrainCallOptions = {}): AsyncGenerator<DrainProgress, void> {
    for await (const progress of this.#messages.drain(name, options)) {
      yield drainProgressOf(progress);
    }
  }

  /**
   * Cancels a drain: the node gets the state again that it had before. Transfers that have begun go on. Resolves with
   * the node, or with undefined if no node has the name now. Rejects with NODE_NOT_FOUND if no drain has it either.
   */
  async cancelDrain(name: string, options: CallOptions = {}): Promise<Node | undefined> {
    const node = await this.#messages.cancelDrain(name, options);
    return node && nodeOf(node);
  }

  /**
   * Picks a node and holds slots on it, in one step. They count as players until they are released, `ttlMs` has passed,
   * or the node or the owner is gone. Without an owner the reservation belongs to no node. Rejects with NODE_NOT_FOUND,
   * NO_TARGET, SERVER_FULL, SERVER_DRAINING, SERVER_UNREACHABLE, ROLE_HOLDS_NO_PLAYERS, RESERVATION_LIMIT,
   * LABELS_INVALID, TEXT_TOO_LONG, OUT_OF_RANGE or VALUE_INVALID.
   */
  async reserve(request: SlotRequest, options: CallOptions = {}): Promise<HeldSlots> {
    const { reservationId: id, node } = await this.#messages.reserve(request, options);
    return { id, node };
  }

  /**
   * Releases slots of a reservation, or all of them. Rejects with RESERVATION_NOT_FOUND, which also means that it has
   * ended, or with OUT_OF_RANGE if it holds fewer.
   */
  async release(id: string, slots?: number, options: CallOptions = {}): Promise<void> {
    return this.#messages.release(id, slots, options);
  }
}

function withLoad(node: WireNode): NodeWithLoad {
  return { ...nodeOf(node), load: node.load };
}
