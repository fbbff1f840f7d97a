/** The edge of an embedded coordinator: messages are objects, and keep the rules of messages on a wire. */
import { ConnectRequest, ConnectResponse } from '../../../gen/ts/kelpie/v1/session_service.js';
import { openAccess } from '../../access/access.js';
import { notReadable, tooLarge } from './errors.js';
import { decoded } from './messages.js';
import type { EdgeNetworks } from './networks.js';

/** The client calls it Transport; client and server do not import each other. */
export type InProcessTransport = (
  requests: AsyncIterable<ConnectRequest>,
  signal: AbortSignal,
) => AsyncIterable<ConnectResponse>;

/** A way into a network without a socket. Its peer is the program that runs the coordinator: it needs no credential. */
export function inProcess(network: string, networks: EdgeNetworks): InProcessTransport {
  return async function* connect(requests, signal) {
    const { serve, limits } = (await networks.of(network)).port;
    const access = openAccess(network, { host: '127.0.0.1' });
    const peer = { host: access.address, signal, access };
    const messages = decoded(encoded(requests, limits.messageBytes), limits.helloBytes);
    for await (const bytes of serve(messages, peer)) {
      yield ConnectResponse.decode(bytes);
    }
  };
}

/**
 * Requests as bytes. Values that no wire carries (numbers that are no numbers, halves of characters) do not get
 * in, and the sender cannot change a message later. Throws MESSAGE_INVALID or MESSAGE_TOO_LARGE.
 */
async function* encoded(
  requests: AsyncIterable<ConnectRequest>,
  limit: number,
): AsyncGenerator<Uint8Array> {
  for await (const request of requests) {
    const bytes = bytesOf(request);
    if (bytes.length > limit) throw tooLarge(limit);
    yield bytes;
  }
}

function bytesOf(request: ConnectRequest): Uint8Array {
  try {
    return ConnectRequest.encode(request).finish();
  } catch {
    throw notReadable();
  }
}
