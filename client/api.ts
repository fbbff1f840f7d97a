/** The unary services, for tools that need no session. */
import { credentials } from '@grpc/grpc-js';
import { createChannel } from 'nice-grpc';
import { CoordinatorServiceDefinition } from '../gen/ts/kelpie/v1/coordinator_service.js';
import { EventServiceDefinition } from '../gen/ts/kelpie/v1/event_service.js';
import { NodeServiceDefinition } from '../gen/ts/kelpie/v1/node_service.js';
import { channelOptions, clients } from './transport.js';

/** Clients of one coordinator. */
export type Api = ReturnType<typeof openApi>;

/** Opens a channel; nothing is sent before the first call. */
export function openApi(endpoint: string) {
  const channel = createChannel(endpoint, credentials.createInsecure(), channelOptions);
  return {
    nodes: clients.create(NodeServiceDefinition, channel),
    events: clients.create(EventServiceDefinition, channel),
    coordinator: clients.create(CoordinatorServiceDefinition, channel),
    close: () => channel.close(),
  };
}
