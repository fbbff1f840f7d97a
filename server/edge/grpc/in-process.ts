/** The edge of an embedded coordinator: messages are objects, and kept to the rules of those on a wire. */
import { ConnectRequest, ConnectResponse } from '../../../gen/ts/kelpie/v1/session_service.js';
import type { SessionPort } from '../../session/port.js';
import { notReadable, tooLarge } from './errors.js';
import { decoded } from './messages.js';

/** What the client calls a Transport; the two sides do not import each other. */
export type InProcessTransport = (
  requests: AsyncIterable<ConnectRequest>,
  signal: AbortSignal,
) => AsyncIterable<ConnectResponse>;

/** A way into the coordinator without a socket. */
export function inProcess({ authorize, serve, limits }: SessionPort): InProcessTransport {
  return async function* connect(requests, signal) {
    const peer = { host: '127.0.0.1', signal };
    authorize(peer);
    const messages = decoded(encoded(requests, limits.messageBytes), limits.helloBytes);
    for await (const bytes of serve(messages, peer)) {
      yield ConnectResponse.decode(bytes);
    }
  };
}

/**
 * As bytes, so that nothing that no wire carries gets in (numbers that are none, halves of characters), and
 * nobody changes later what was handed over. Throws MESSAGE_INVALID or MESSAGE_TOO_LARGE.
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
