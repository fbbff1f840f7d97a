/** A coordinator with the answers of a test, for answers that no real coordinator gives. */
import { createServer, ServerError, type ServiceImplementation, Status } from 'nice-grpc';
import { HealthDefinition, HealthServiceImpl, HealthState } from 'nice-grpc-server-health';
import {
  CoordinatorServiceDefinition,
  GetInfoResponse,
} from '../../../gen/ts/kelpie/v1/coordinator_service.js';
import { EventServiceDefinition } from '../../../gen/ts/kelpie/v1/event_service.js';

type Events = ServiceImplementation<typeof EventServiceDefinition>;

export interface StandIn {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** Starts one. Without `info` it never answers GetInfo. It answers every other call that has no answer here with UNIMPLEMENTED. */
export async function startStandIn(
  info: Partial<GetInfoResponse> | undefined,
  events: Partial<Events> = {},
): Promise<StandIn> {
  const server = createServer();
  server.add(CoordinatorServiceDefinition, {
    getInfo: async () =>
      info ? GetInfoResponse.create(info) : new Promise<never>(() => undefined),
    listCoordinators: refuse,
    listSessions: refuse,
  });
  server.add(EventServiceDefinition, {
    publishEvents: refuse,
    readEvents: refuse,
    // eslint-disable-next-line require-yield
    async *watchEvents() {
      return refuse();
    },
    ...events,
  });
  server.add(HealthDefinition, HealthServiceImpl(HealthState()));
  const port = await server.listen('127.0.0.1:0');
  return {
    endpoint: `127.0.0.1:${port}`,
    stop: async () => server.forceShutdown(),
  };
}

function refuse(): never {
  throw new ServerError(Status.UNIMPLEMENTED, 'the stand-in does not know it');
}
