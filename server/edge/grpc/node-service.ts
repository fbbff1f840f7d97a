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
  ReleaseSlotsRequest,
  ReleaseSlotsResponse,
  ReserveSlotsRequest,
  ReserveSlotsResponse,
  UpdateNodeRequest,
  UpdateNodeResponse,
} from '../../../gen/ts/kelpie/v1/node_service.js';
import { type Node, NodeChange } from '../../../gen/ts/kelpie/v1/node.js';
import type { NodeQueries } from '../../nodes/queries.js';
import type { Network } from '../../network/network.js';
import type { NodeClaims } from '../../nodes/claims.js';
import type { Loads } from '../../nodes/loads.js';
import type { Reservations } from '../../routing/reservations.js';
import { holdOf } from '../../routing/reserve-request.js';
import { cancelDrain, drainCall, type DrainServices } from './drain-calls.js';

/** The services that answer about nodes. */
interface NodeParts extends DrainServices {
  readonly queries: NodeQueries;
  readonly claims: NodeClaims;
  readonly loads: Loads;
  readonly reservations: Reservations;
}

export function nodeService(parts: NodeParts): ServiceImplementation<NodeServiceDefinition> {
  const { network, queries, claims, loads, reservations } = parts;
  const withLoad = (node: Node): Node => ({
    ...node,
    load: loads.get(node.name),
    reservedSlots: reservations.rows.slotsOn(node.name),
  });
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
    drainNode: (request, context) => drainCall(parts, request, context),
    cancelNodeDrain: (request) => cancelDrain(parts, request),
    ...slotCalls(network, reservations),
  };
}

function slotCalls(
  network: Pick<Network, 'head'>,
  reservations: Reservations,
): Pick<ServiceImplementation<NodeServiceDefinition>, 'reserveSlots' | 'releaseSlots'> {
  return {
    async reserveSlots(request: ReserveSlotsRequest): Promise<ReserveSlotsResponse> {
      const { id, node } = await reservations.hold(holdOf(request));
      return { reservationId: id, node, cursor: network.head };
    },
    async releaseSlots(request: ReleaseSlotsRequest): Promise<ReleaseSlotsResponse> {
      await reservations.release(request.reservationId, request.slots);
      return { cursor: network.head };
    },
  };
}
