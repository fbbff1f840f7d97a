/** How a client reaches a coordinator: a function from the client's messages to the coordinator's messages. */
import type { CallOptions, Channel } from 'nice-grpc';
import { AccessServiceDefinition } from '../../gen/ts/kelpie/v1/access_service.js';
import {
  type ConnectRequest,
  type ConnectResponse,
  SessionServiceDefinition,
} from '../../gen/ts/kelpie/v1/session_service.js';
import { fromThrown, KelpieError } from '../errors.js';
import { openChannel } from './channel.js';
import { clients } from './clients.js';
import { type Protection, protectionOf } from './tls.js';
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
  /** The network that the program expects; undefined: any. */
  readonly network?: string | undefined;
  /** Whether the token that its coordinator refused has been replaced: then the next attempt waits no longer. */
  readonly renewed?: () => boolean;
}

/**
 * A transport over gRPC that makes one connection for each stream, with the token and the certificates of that moment.
 * It opens no stream into another network than `network`, if this is given.
 */
export function grpcTransport(
  endpoint: string,
  tokens = new Tokens({}),
  protection: Protection = protectionOf({}),
  network?: string,
): Transport {
  return async function* connect(requests, signal) {
    const { channel, explain } = openChannel(endpoint, protection);
    try {
      const token = await tokens.forStream(channel, signal);
      const metadata = metadataOf(token);
      const service = clients.create(SessionServiceDefinition, channel);
      try {
        if (network !== undefined) await checkNetwork(channel, network, { signal, metadata });
        yield* service.connect(requests, { signal, metadata });
      } catch (thrown) {
        throw tokens.refused(token, fromThrown(thrown));
      }
    } catch (thrown) {
      throw await explain(thrown);
    } finally {
      channel.close();
    }
  };
}

/**
 * A node that joins the wrong network replaces the node of its name there. Throws NETWORK_MISMATCH. The Welcome of an
 * older coordinator names its network too, later.
 */
async function checkNetwork(channel: Channel, expected: string, options: CallOptions) {
  const access = clients.create(AccessServiceDefinition, channel);
  try {
    const { network } = await access.getOwnCredential({}, options);
    if (network !== expected) throw networkMismatch(expected, network);
  } catch (thrown) {
    const error = fromThrown(thrown);
    if (error.reason !== 'NOT_A_COORDINATOR') throw error;
  }
}

/** No event, request or report of this node may get into a network that its program does not mean. */
export function networkMismatch(expected: string, network: string): KelpieError {
  const message =
    `the token or certificate of this node is of the network "${network}", and the program expects ` +
    `"${expected}"; give the node a token of "${expected}", or change the option network`;
  const metadata = { expected, network };
  return new KelpieError('NETWORK_MISMATCH', message, { metadata, permanent: true });
}
