/** The networks behind the edge. Each handler is registered once, and asks the services of the network of its call. */
import type { CallContext, ServiceDefinition, ServiceImplementation } from 'nice-grpc';
import type { CommandServiceDefinition } from '../../../gen/ts/kelpie/v1/command_service.js';
import type { CoordinatorServiceDefinition } from '../../../gen/ts/kelpie/v1/coordinator_service.js';
import type { NetworkServiceDefinition } from '../../../gen/ts/kelpie/v1/network_service.js';
import type { NodeServiceDefinition } from '../../../gen/ts/kelpie/v1/node_service.js';
import type { PlayerServiceDefinition } from '../../../gen/ts/kelpie/v1/player_service.js';
import type { RoutingServiceDefinition } from '../../../gen/ts/kelpie/v1/routing_service.js';
import type { StateServiceDefinition } from '../../../gen/ts/kelpie/v1/state_service.js';
import type { Audit } from '../../access/audit.js';
import type { SessionPort } from '../../session/port.js';
import type { EventService } from './definitions.js';
import type { HealthService } from './health.js';

/** The services of calls without a session, of one network. */
export interface CallServices {
  readonly nodes: ServiceImplementation<NodeServiceDefinition>;
  readonly players: ServiceImplementation<PlayerServiceDefinition>;
  readonly commands: ServiceImplementation<CommandServiceDefinition>;
  readonly events: ServiceImplementation<typeof EventService>;
  readonly routing: ServiceImplementation<RoutingServiceDefinition>;
  readonly network: ServiceImplementation<NetworkServiceDefinition>;
  readonly coordinator: ServiceImplementation<CoordinatorServiceDefinition>;
  readonly state: ServiceImplementation<StateServiceDefinition>;
  readonly health: ServiceImplementation<typeof HealthService>;
}

/** One network, for the edge. */
export interface EdgeNetwork {
  readonly port: SessionPort;
  readonly calls: CallServices;
  readonly audit: Pick<Audit, 'ofCall'>;
}

/** The networks of a coordinator, for the edge. */
export interface EdgeNetworks {
  /** The network with this name. Rejects with the error for the peer if the coordinator cannot open it. */
  of(name: string): Promise<EdgeNetwork>;
}

const kept = new WeakMap<CallContext, EdgeNetwork>();

/** Keeps the network of a call for its handler. */
export function keepNetwork(context: CallContext, network: EdgeNetwork): void {
  kept.set(context, network);
}

/** The network of a call that was admitted. */
export function networkOf(context: CallContext): EdgeNetwork {
  const network = kept.get(context);
  if (!network) throw new Error('a call is admitted before it is handled');
  return network;
}

type Handlers = Record<string, (request: unknown, context: CallContext) => unknown>;

/** Hands each call of a service to that service of the network of the call. */
export function byNetwork<Service extends ServiceDefinition>(
  methods: Service,
  serviceOf: (calls: CallServices) => ServiceImplementation<Service>,
): ServiceImplementation<Service> {
  const handlers = Object.keys(methods).map((method) => [
    method,
    (request: unknown, context: CallContext) =>
      (serviceOf(networkOf(context).calls) as Handlers)[method]?.(request, context),
  ]);
  return Object.fromEntries(handlers) as ServiceImplementation<Service>;
}
