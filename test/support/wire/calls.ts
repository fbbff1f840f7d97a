/** The generated calls of the contract, for tests of details that `kelpie/api` hides. */
import { waitForChannelReady } from 'nice-grpc';
import { CommandServiceDefinition } from '../../../gen/ts/kelpie/v1/command_service.js';
import { CoordinatorServiceDefinition } from '../../../gen/ts/kelpie/v1/coordinator_service.js';
import { EventServiceDefinition } from '../../../gen/ts/kelpie/v1/event_service.js';
import { NodeServiceDefinition } from '../../../gen/ts/kelpie/v1/node_service.js';
import { PlayerServiceDefinition } from '../../../gen/ts/kelpie/v1/player_service.js';
import { openChannel } from '../../../client/connection/channel.js';
import { clients } from '../../../client/connection/clients.js';
import { protectionOf } from '../../../client/connection/tls.js';

/** Generated clients of one coordinator. */
export type Api = ReturnType<typeof apiAt>;

/** How long an endpoint may take before the client tries the next one. */
const REACH_MS = 2000;

/** Connects to the first endpoint that answers. */
export async function reachApi(endpoints: readonly string[]): Promise<Api> {
  for (const endpoint of endpoints) {
    const api = apiAt(endpoint);
    if (await api.reachable()) return api;
    api.close();
  }
  throw new Error(`no coordinator answers at ${endpoints.join(' or ')}`);
}

/** Connects with the first call. */
export function apiAt(endpoint: string) {
  const { channel } = openChannel(endpoint, protectionOf({}));
  return {
    nodes: clients.create(NodeServiceDefinition, channel),
    events: clients.create(EventServiceDefinition, channel),
    players: clients.create(PlayerServiceDefinition, channel),
    commands: clients.create(CommandServiceDefinition, channel),
    coordinator: clients.create(CoordinatorServiceDefinition, channel),
    // The library takes its deadline by the calendar clock.
    reachable: () =>
      waitForChannelReady(channel, new Date(Date.now() + REACH_MS)).then(
        () => true,
        () => false,
      ),
    close: () => channel.close(),
  };
}
