/** Service definitions whose streams hand out bytes that are encoded already. */
import {
  fromTsProtoServiceDefinition,
  type FromTsProtoServiceDefinition,
} from 'nice-grpc/lib/service-definitions/ts-proto.js';
import { EventServiceDefinition } from '../../gen/ts/kelpie/v1/event_service.js';
import { SessionServiceDefinition } from '../../gen/ts/kelpie/v1/session_service.js';

const asItIs = (bytes: Uint8Array): Uint8Array => bytes;

const session = fromTsProtoServiceDefinition(
  SessionServiceDefinition,
) as FromTsProtoServiceDefinition<SessionServiceDefinition>;

export const SessionService = {
  connect: { ...session.connect, responseSerialize: asItIs },
};

const event = fromTsProtoServiceDefinition(
  EventServiceDefinition,
) as FromTsProtoServiceDefinition<EventServiceDefinition>;

export const EventService = {
  ...event,
  watchEvents: { ...event.watchEvents, responseSerialize: asItIs },
};
