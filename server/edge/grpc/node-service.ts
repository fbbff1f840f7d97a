/** NodeService: who is part of the network. */
import type { CallContext, ServiceImplementation } from 'nice-grpc';
import type {
  DisconnectNodeRequest,
  DisconnectNodeResponse,
  GetNodeRequest,
  GetNodeResponse,
  ListNodesRequest,
  ListNodesResponse,
  NodeServiceDefinition,
  UpdateNodeRequest,
  UpdateNodeResponse,
} from '../../../gen/ts/kelpie/v1/node_service.js';
import { type Node, NodeChange } from '../../../gen/ts/kelpie/v1/node.js';
import { KelpieError } from '../../core/errors.js';
import type { NodeQueries } from '../../nodes/queries.js';
import type { Network } from '../../network/network.js';
import type { NodeClaims } from '../../nodes/claims.js';
import type { Loads } from '../../nodes/loads.js';

export function nodeService(
  network: Pick<Network, 'head'>,
  queries: NodeQueries,
  claims: NodeClaims,
  loads: Loads,
): ServiceImplementation<NodeServiceDefinition> {
  const withLoad = (node: Node): Node => ({ ...node, load: loads.get(node.name) });
  return {
    async listNodes(request: ListNodesRequest, { peer }: CallContext): Promise<ListNodesResponse> {
      const { items, ...page } = await queries.list(request, request, peer);
      return { nodes: items.map(withLoad), ...page };
    },
    async getNode({ name }: GetNodeRequest): Promise<GetNodeResponse> {
      return { node: withLoad(queries.find(name).value), cursor: network.head };
    },
    async updateNode({ name, change }: UpdateNodeRequest): Promise<UpdateNodeResponse> {
      const node = await claims.update(name.toLowerCase(), change ?? NodeChange.create());
      return { node, cursor: network.head };
    },
    async disconnectNode({ name }: DisconnectNodeRequest): Promise<DisconnectNodeResponse> {
      await claims.disconnect(name.toLowerCase());
      return { cursor: network.head };
    },
    // eslint-disable-next-line require-yield -- not built yet
    async *drainNode() {
      throw notBuilt();
    },
    async cancelNodeDrain() {
      throw notBuilt();
    },
    async reserveSlots() {
      throw notBuilt();
    },
    async releaseSlots() {
      throw notBuilt();
    },
  };
}

function notBuilt(): KelpieError {
  return new KelpieError('FRAME_UNKNOWN', 'this coordinator cannot do that yet');
}
