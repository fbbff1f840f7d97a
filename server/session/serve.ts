/** A session runs on a stream until either side ends it. */
import type { Message, Peer, SessionPort } from './port.js';
import type { SessionServices } from './services.js';
import { Session } from './session.js';

/** The port of sessions that use these services. */
export function sessionPort(services: SessionServices): SessionPort {
  const { limits } = services;
  return { limits, serve: (requests, peer) => serve(services, requests, peer) };
}

async function* serve(
  services: SessionServices,
  requests: AsyncIterable<Message>,
  peer: Peer,
): AsyncGenerator<Uint8Array> {
  const session = new Session(services, peer);
  peer.signal.addEventListener('abort', () => session.cut(), { once: true });
  if (peer.ending) session.outbound.onEnd(peer.ending);
  void session.read(requests);
  try {
    yield* session.outbound.messages();
  } finally {
    session.cut();
  }
}
