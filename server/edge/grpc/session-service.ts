/** SessionService: the stream of a node, handed to session/ as it comes. */
import type { CallContext, ServiceImplementation } from 'nice-grpc';
import type { Hub } from '../../session/registry.js';
import { serve } from '../../session/session.js';
import type { SessionService } from './definitions.js';
import { decoded } from './messages.js';
import { CALL_ID, type OpenCalls } from './open-calls.js';

export function sessionService(
  hub: Hub,
  calls: OpenCalls,
): ServiceImplementation<typeof SessionService> {
  const { coordinatorId, limits } = hub.network.options;
  return {
    async *connect(messages: AsyncIterable<Uint8Array>, context: CallContext) {
      // At once, so that the client knows that it is connected before its first frame is answered.
      context.header.set('kelpie-coordinator', coordinatorId);
      context.sendHeader();
      const ending = (): void => calls.ending(context.metadata.get(CALL_ID));
      const { peer: connection, signal } = context;
      const peer = { host: hostOf(connection), connection, signal, ending };
      yield* serve(decoded(messages, limits.helloBytes), peer, hub);
    },
  };
}

/** `127.0.0.1:4711` or `[::1]:4711` without the port. */
function hostOf(peer: string): string {
  return peer
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/^::ffff:/, '');
}
