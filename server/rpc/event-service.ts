/** EventService: publishing and reading without a session. */
import type { CallContext, ServiceImplementation } from 'nice-grpc';
import type {
  PublishEventsRequest,
  PublishEventsResponse,
  ReadEventsRequest,
  ReadEventsResponse,
  WatchEventsRequest,
} from '../../gen/ts/kelpie/v1/event_service.js';
import { publishOnce } from '../domain/publish-once.js';
import type { Hub } from '../session/hub.js';
import { readPage, watch } from '../session/reader.js';
import type { EventService } from './definitions.js';

export function eventService(hub: Hub): ServiceImplementation<typeof EventService> {
  return {
    publishEvents(request: PublishEventsRequest): Promise<PublishEventsResponse> {
      return publishOnce(hub.network, request);
    },
    readEvents(request: ReadEventsRequest, { signal }: CallContext): Promise<ReadEventsResponse> {
      return readPage(hub, request, signal);
    },
    async *watchEvents(request: WatchEventsRequest, { signal }: CallContext) {
      yield* watch(hub, request, signal);
    },
  };
}
