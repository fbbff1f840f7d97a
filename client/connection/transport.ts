/** How a client reaches a coordinator: a function from the client's messages to the coordinator's messages. */
import {
  type ConnectRequest,
  type ConnectResponse,
  SessionServiceDefinition,
} from '../../gen/ts/kelpie/v1/session_service.js';
import { fromThrown } from '../errors.js';
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
}

/** A transport over gRPC that makes one connection for each stream, with the token and the certificates of that moment. */
export function grpcTransport(
  endpoint: string,
  tokens = new Tokens({}),
  protection: Protection = protectionOf({}),
): Transport {
  return async function* connect(requests, signal) {
    const { channel, explain } = openChannel(endpoint, protection);
    try {
      const metadata = metadataOf(await tokens.forStream(channel, signal));
      const service = clients.create(SessionServiceDefinition, channel);
      try {
        yield* service.connect(requests, { signal, metadata });
      } catch (thrown) {
        throw tokens.refused(fromThrown(thrown));
      }
    } catch (thrown) {
      throw await explain(thrown);
    } finally {
      channel.close();
    }
  };
}
