/** The unary services, for tools that need no session. */
import { waitForChannelReady } from 'nice-grpc';
import { HealthDefinition } from 'nice-grpc-server-health';
import { CommandServiceDefinition } from '../../../gen/ts/kelpie/v1/command_service.js';
import { CoordinatorServiceDefinition } from '../../../gen/ts/kelpie/v1/coordinator_service.js';
import { EventServiceDefinition } from '../../../gen/ts/kelpie/v1/event_service.js';
import { NodeServiceDefinition } from '../../../gen/ts/kelpie/v1/node_service.js';
import { PlayerServiceDefinition } from '../../../gen/ts/kelpie/v1/player_service.js';
import { KelpieError } from '../../errors.js';
import { clients, openChannel } from '../../connection/transport.js';

/** Clients of one coordinator. */
export type Api = ReturnType<typeof apiAt>;

/** How long an endpoint has to answer before the next one is tried. */
const REACH_MS = 2000;

/** Connects to the first endpoint that answers. Throws UNAVAILABLE if none does. */
export async function reachApi(endpoints: readonly string[]): Promise<Api> {
  for (const [index, endpoint] of endpoints.entries()) {
    const api = apiAt(endpoint, [...endpoints.slice(index + 1), ...endpoints.slice(0, index + 1)]);
    if (await api.reachable()) return api;
    api.close();
  }
  const message = `no coordinator answers at ${endpoints.join(' or ')}; is kelpied running there? kelpie doctor says what is in the way`;
  throw new KelpieError('UNAVAILABLE', message);
}

/** Gives one up, and connects to the next endpoint that answers; its own comes last. Throws UNAVAILABLE. */
export async function reachNext(api: Api): Promise<Api> {
  api.close();
  return reachApi(api.next);
}

/** Connects when it is first asked something. `next`: where else to go, in this order. */
export function apiAt(endpoint: string, next: readonly string[] = [endpoint]) {
  const channel = openChannel(endpoint);
  return {
    next,
    nodes: clients.create(NodeServiceDefinition, channel),
    events: clients.create(EventServiceDefinition, channel),
    players: clients.create(PlayerServiceDefinition, channel),
    commands: clients.create(CommandServiceDefinition, channel),
    coordinator: clients.create(CoordinatorServiceDefinition, channel),
    health: clients.create(HealthDefinition, channel),
    // The library takes its deadline by the calendar clock.
    reachable: () =>
      waitForChannelReady(channel, new Date(Date.now() + REACH_MS)).then(
        () => true,
        () => false,
      ),
    close: () => channel.close(),
  };
}
