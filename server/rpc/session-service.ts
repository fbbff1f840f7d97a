/** SessionService: the stream of a node, handed to session/ as it comes. */
import type { CallContext, ServiceImplementation } from 'nice-grpc';
import type { ConnectRequest } from '../../gen/ts/kelpie/v1/session_service.js';
import type { Hub } from '../session/hub.js';
import { serve } from '../session/session.js';
import type { SessionService } from './definitions.js';

export function sessionService(hub: Hub): ServiceImplementation<typeof SessionService> {
  return {
    async *connect(requests: AsyncIterable<ConnectRequest>, context: CallContext) {
      // At once, so that the client knows that it is connected before its first frame is answered.
      context.header.set('kelpie-coordinator', hub.network.options.coordinatorId);
      context.sendHeader();
      yield* serve(requests, { host: hostOf(context.peer), signal: context.signal }, hub);
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
