/** EventService: publishing and reading without a session. */
import type { CallContext, ServiceImplementation } from 'nice-grpc';
import type {
  PublishEventsRequest,
  PublishEventsResponse,
  ReadEventsRequest,
  ReadEventsResponse,
  WatchEventsRequest,
} from '../../../gen/ts/kelpie/v1/event_service.js';
import { peerOf } from '../../access/peer-limits.js';
import type { CallPublisher } from '../../events/publish-once.js';
import { type Caller, type ReadingServices, readPage, watch } from '../../delivery/reader.js';
import { accessOf } from './caller.js';
import type { EventService } from './definitions.js';

export function eventService(
  reading: ReadingServices,
  publisher: CallPublisher,
  coordinatorId: string,
): ServiceImplementation<typeof EventService> {
  return {
    publishEvents(request: PublishEventsRequest): Promise<PublishEventsResponse> {
      return publisher.publish(request);
    },
    readEvents(request: ReadEventsRequest, context: CallContext): Promise<ReadEventsResponse> {
      return readPage(reading, request, callerOf(coordinatorId, context));
    },
    async *watchEvents(request: WatchEventsRequest, context: CallContext) {
      yield* watch(reading, request, callerOf(coordinatorId, context));
    },
  };
}

function callerOf(coordinatorId: string, context: CallContext): Caller {
  const opened = (): void => {
    // Without an entry the header would wait for the first message.
    context.header.set('kelpie-coordinator', coordinatorId);
    context.sendHeader();
  };
  const { peer: connection, signal } = context;
  return { connection, peer: peerOf(accessOf(context)), signal, opened };
}
