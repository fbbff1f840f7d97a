/** The services behind calls, which need no session, of one network. */
import type { CallPublisher } from '../../events/publish-once.js';
import type { NodeQueries } from '../../nodes/queries.js';
import type { PlayerQueries } from '../../players/queries.js';
import type { OperatorSettings } from '../../players/settings.js';
import type { Explanations } from '../../routing/explanations.js';
import type { RoutingRules } from '../../routing/rules.js';
import type { SessionServices } from '../../session/services.js';
import type { Drains } from '../../transfers/drains.js';
import { commandService } from './command-service.js';
import { coordinatorService } from './coordinator-service.js';
import { eventService } from './event-service.js';
import { networkService } from './network-service.js';
import type { CallServices } from './networks.js';
import { nodeService } from './node-service.js';
import { playerService } from './player-service.js';
import { routingService } from './routing-service.js';
import { stateService } from './state-service.js';

/** The parts that answer calls. */
export interface CallParts extends SessionServices {
  readonly nodeQueries: NodeQueries;
  readonly playerQueries: PlayerQueries;
  readonly operatorSettings: OperatorSettings;
  readonly callPublisher: CallPublisher;
  readonly routingRules: RoutingRules;
  readonly explanations: Explanations;
  readonly drains: Drains;
}

export function callServices(services: CallParts): Omit<CallServices, 'health'> {
  const { network, registry, nodeQueries, playerQueries, commands } = services;
  const { playerCommands, callPublisher, identity, latencies } = services;
  const reading = { ...services, draining: registry.drainSignal };
  return {
    nodes: nodeService({ ...reading, queries: nodeQueries }),
    players: playerService(network, playerQueries, playerCommands, latencies, services.transfers),
    commands: commandService(commands),
    network: networkService(services.operatorSettings),
    events: eventService(reading, callPublisher, identity.coordinatorId),
    coordinator: coordinatorService(services),
    routing: routingService(services.routingRules, services.explanations),
    state: stateService(network, services.values),
  };
}
