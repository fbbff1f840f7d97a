/** NodeService: who is part of the network. */
import type { ServiceImplementation } from 'nice-grpc';
import type {
  GetNodeRequest,
  GetNodeResponse,
  ListNodesRequest,
  ListNodesResponse,
  NodeServiceDefinition,
} from '../../gen/ts/kelpie/v1/node_service.js';
import type { Network } from '../domain/network.js';
import { getNode, listNodes } from '../domain/node-list.js';

export function nodeService(network: Network): ServiceImplementation<NodeServiceDefinition> {
  return {
    async listNodes({ pageSize, pageToken }: ListNodesRequest): Promise<ListNodesResponse> {
      return listNodes(network, pageSize, pageToken);
    },
    async getNode({ name }: GetNodeRequest): Promise<GetNodeResponse> {
      return { node: getNode(network, name), cursor: network.tail.head };
    },
  };
}
