/** RoutingService: the rules by which players find a server. */
import type { ServiceImplementation } from 'nice-grpc';
import type { RoutingServiceDefinition } from '../../../gen/ts/kelpie/v1/routing_service.js';
import type { Explanations } from '../../routing/explanations.js';
import type { RoutingRules } from '../../routing/rules.js';

export function routingService(
  rules: RoutingRules,
  explanations: Explanations,
): ServiceImplementation<RoutingServiceDefinition> {
  return {
    getRouting: async () => rules.get(),
    setRouting: (request) => rules.set(request),
    explainRouting: (request, { peer }) => explanations.of(request, peer),
  };
}
