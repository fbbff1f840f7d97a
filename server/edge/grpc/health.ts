/** grpc.health.v1: whether peers of a network should come. */
import { HealthDefinition, HealthServiceImpl, HealthState } from 'nice-grpc-server-health';
import { later, methodsOf } from './definitions.js';

/** The health service as the edge registers it: its requests are decoded as those of the contract are. */
export const HealthService = later(methodsOf(HealthDefinition));

/** The health of one network. */
export interface NetworkHealth {
  readonly service: ReturnType<typeof HealthServiceImpl>;
  /** Sets the answer to health checks: whether peers should come. */
  readonly serve: (serving: boolean) => void;
}

/** The health of a network that serves these services. */
export function healthOf(services: readonly string[]): NetworkHealth {
  const state = HealthState();
  // One listener for each Watch, and these are bounded as all streams are.
  state.setMaxListeners(0);
  for (const service of services) state.setStatus('healthy', service);
  return {
    service: HealthServiceImpl(state),
    serve: (serving) => {
      const status = serving ? 'healthy' : 'unhealthy';
      for (const name of ['', ...services]) state.setStatus(status, name);
    },
  };
}
