/** How a client reaches a coordinator: a function from the client's messages to the coordinator's messages. */
import { type ChannelCredentials, type ChannelOptions, credentials } from '@grpc/grpc-js';
import { type Channel, createChannel } from 'nice-grpc';
import {
  type ConnectRequest,
  type ConnectResponse,
  SessionServiceDefinition,
} from '../../gen/ts/kelpie/v1/session_service.js';
import { fromThrown } from '../errors.js';
import { clients } from './clients.js';
import { checkProtected } from './protected.js';
import { metadataOf, Tokens } from './tokens.js';

/**
 * Opens one stream. The iteration ends when either side ends the stream, and throws when the stream breaks. The signal
 * breaks the stream.
 */
export type Transport = (
  requests: AsyncIterable<ConnectRequest>,
  signal: AbortSignal,
) => AsyncIterable<ConnectResponse>;

/** A transport to one coordinator, and its name for people. */
export interface Route {
  readonly endpoint: string;
  readonly transport: Transport;
}

/** The options of each channel: keepalive notices a dead coordinator, and gRPC makes no retries of its own. */
const channelOptions: ChannelOptions = {
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 5000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.enable_retries': 0,
  // The default window of 64 KiB lets 1.25 MB/s through at 20 ms round trip.
  'grpc-node.flow_control_window': 1 << 20,
  // With the global pool a new channel would wait for the back-off of an old one to the same address.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_channelz': 0,
  // An HTTP proxy of the environment is for the web. gRPC would use it even for this machine.
  'grpc.enable_http_proxy': 0,
};

/** A channel that makes no further connection after `close`. */
export function openChannel(endpoint: string): Channel {
  return createChannel(endpoint, endingWithChannel(credentials.createInsecure()), channelOptions);
}

/**
 * Works around a fault of grpc-js: if a channel is closed while it waits for its next attempt, it makes this attempt
 * all the same, and nobody closes the resulting connection. But at `close` grpc-js destroys the connector of the
 * credentials, and before each attempt it waits until the connector is ready. So a destroyed connector refuses here.
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

/**
 * A transport over gRPC that makes one connection for each stream, with the token of that moment. Throws
 * TOKEN_UNPROTECTED.
 */
export function grpcTransport(endpoint: string, tokens = new Tokens({})): Transport {
  if (tokens.any) checkProtected(endpoint);
  return async function* connect(requests, signal) {
    const channel = openChannel(endpoint);
    try {
      const metadata = metadataOf(await tokens.forStream(channel, signal));
      const service = clients.create(SessionServiceDefinition, channel);
      try {
        yield* service.connect(requests, { signal, metadata });
      } catch (thrown) {
        throw tokens.refused(fromThrown(thrown));
      }
    } finally {
      channel.close();
    }
  };
}
