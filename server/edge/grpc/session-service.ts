/** SessionService: passes the stream of a node to its session. */
import type { CallContext, ServiceImplementation } from 'nice-grpc';
import { hostOf } from '../../core/address.js';
import { accessOf, useOf } from './caller.js';
import type { SessionService } from './definitions.js';
import { decoded } from './messages.js';
import { networkOf } from './networks.js';
import { CALL_ID, type OpenCalls } from './open-calls.js';

export function sessionService(
  coordinatorId: string,
  calls: OpenCalls,
): ServiceImplementation<typeof SessionService> {
  return {
    async *connect(messages: AsyncIterable<Uint8Array>, context: CallContext) {
      // At once, so that the client knows that it is connected before its first frame is answered.
      context.header.set('kelpie-coordinator', coordinatorId);
      context.sendHeader();
      const ending = (): void => calls.ending(context.metadata.get(CALL_ID));
      const { peer: connection, signal } = context;
      const access = accessOf(context);
      const use = useOf(context);
      const { serve, limits } = networkOf(context).port;
      const peer = { host: hostOf(connection), connection, signal, ending, access, use };
      yield* serve(decoded(messages, limits.helloBytes), peer);
    },
  };
}
