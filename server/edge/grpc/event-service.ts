/** EventService: publishing and reading without a session. */
import type { CallContext, ServiceImplementation } from 'nice-grpc';
import type {
  PublishEventsRequest,
  PublishEventsResponse,
  ReadEventsRequest,
  ReadEventsResponse,
  WatchEventsRequest,
} from '../../../gen/ts/kelpie/v1/event_service.js';
import { publishOnce } from '../../events/publish-once.js';
import { type Caller, type ReadingServices, readPage, watch } from '../../delivery/reader.js';
import type { EventService } from './definitions.js';

export function eventService(reading: ReadingServices): ServiceImplementation<typeof EventService> {
  return {
    publishEvents(request: PublishEventsRequest): Promise<PublishEventsResponse> {
      return publishOnce(reading.network, request);
    },
    readEvents(request: ReadEventsRequest, context: CallContext): Promise<ReadEventsResponse> {
      return readPage(reading, request, callerOf(reading, context));
    },
    async *watchEvents(request: WatchEventsRequest, context: CallContext) {
      yield* watch(reading, request, callerOf(reading, context));
    },
  };
}

function callerOf({ network }: ReadingServices, context: CallContext): Caller {
  const opened = (): void => {
    // Without an entry the header would wait for the first message.
    context.header.set('kelpie-coordinator', network.options.coordinatorId);
    context.sendHeader();
  };
  return { connection: context.peer, signal: context.signal, opened };
}
