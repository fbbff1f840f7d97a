/** How a client reaches a coordinator: a function from what it sends to what it receives. */
import { type ChannelCredentials, type ChannelOptions, credentials } from '@grpc/grpc-js';
import { type Channel, createChannel, createClientFactory } from 'nice-grpc';
import { errorDetailsClientMiddleware } from 'nice-grpc-error-details';
import {
  type ConnectRequest,
  type ConnectResponse,
  SessionServiceDefinition,
} from '../../gen/ts/kelpie/v1/session_service.js';

/**
 * Opens one stream. It ends when either side ends it, and throws when it breaks. The signal ends
 * it from outside.
 */
export type Transport = (
  requests: AsyncIterable<ConnectRequest>,
  signal: AbortSignal,
) => AsyncIterable<ConnectResponse>;

/** A way to a coordinator, and its name for people. */
export interface Route {
  readonly endpoint: string;
  readonly transport: Transport;
}

/** For channels of this client: a dead coordinator is noticed, and nothing is retried behind us. */
const channelOptions: ChannelOptions = {
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 5000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.enable_retries': 0,
  // The default window of 64 KiB lets 1.25 MB/s through at 20 ms round trip.
  'grpc-node.flow_control_window': 1 << 20,
  // Else a new channel would wait for the back-off of an old one to the same address.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_channelz': 0,
  // A proxy that the environment names for the web would also be asked for the way to this machine.
  'grpc.enable_http_proxy': 0,
};

/** A channel that connects no more once it is closed. */
export function openChannel(endpoint: string): Channel {
  return createChannel(endpoint, endingWithChannel(credentials.createInsecure()), channelOptions);
}

/**
 * A channel that is closed while it waits for its next attempt makes that attempt all the same, and
 * nobody ends the connection that comes of it. What grpc-js does tell are the credentials, without which
 * it does not connect.
 */
function endingWithChannel(given: ChannelCredentials): ChannelCredentials {
  const create = given._createSecureConnector.bind(given);
  given._createSecureConnector = (...args) => {
    const connector = create(...args);
    let closed = false;
    return {
      connect: (socket) => connector.connect(socket),
      getCallCredentials: () => connector.getCallCredentials(),
      waitForReady: async () => {
        if (closed) throw new Error('the channel is closed');
        await connector.waitForReady();
      },
      destroy: () => {
        closed = true;
        connector.destroy();
      },
    };
  };
  return given;
}

/** Clients that turn status details into errors with a reason. */
export const clients = createClientFactory().use(errorDetailsClientMiddleware);

/** A transport over gRPC, with a connection of its own for each stream. */
export function grpcTransport(endpoint: string): Transport {
  return async function* connect(requests, signal) {
    const channel = openChannel(endpoint);
    try {
      yield* clients.create(SessionServiceDefinition, channel).connect(requests, { signal });
    } finally {
      channel.close();
    }
  };
}
