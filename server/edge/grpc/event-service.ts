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
import type { Hub } from '../../session/registry.js';
import { type Caller, readPage, watch } from '../../delivery/reader.js';
import type { EventService } from './definitions.js';

export function eventService(hub: Hub): ServiceImplementation<typeof EventService> {
  return {
    publishEvents(request: PublishEventsRequest): Promise<PublishEventsResponse> {
      return publishOnce(hub.network, request);
    },
    readEvents(request: ReadEventsRequest, context: CallContext): Promise<ReadEventsResponse> {
      return readPage(hub, request, callerOf(hub, context));
    },
    async *watchEvents(request: WatchEventsRequest, context: CallContext) {
      yield* watch(hub, request, callerOf(hub, context));
    },
  };
}

function callerOf(hub: Hub, context: CallContext): Caller {
  const opened = (): void => {
    // Without an entry the header would wait for the first message.
    context.header.set('kelpie-coordinator', hub.network.options.coordinatorId);
    context.sendHeader();
  };
  return { connection: context.peer, signal: context.signal, opened };
}
