/** The contract of the plain gRPC peer, between its server and its clients. */
import type { MethodDefinition } from '@grpc/grpc-js';
import { Event, EventDraft } from '../../gen/ts/kelpie/v1/event.js';

/** The server answers a draft with the same draft. */
export const echo: MethodDefinition<EventDraft, EventDraft> = {
  path: '/kelpie.bench.Relay/Echo',
  requestStream: false,
  responseStream: false,
  requestSerialize: (draft) => Buffer.from(EventDraft.encode(draft).finish()),
  requestDeserialize: (bytes) => EventDraft.decode(bytes),
  responseSerialize: (draft) => Buffer.from(EventDraft.encode(draft).finish()),
  responseDeserialize: (bytes) => EventDraft.decode(bytes),
};

/** A stream that sends an empty draft subscribes; any other draft goes to all subscribers. */
export const relay: MethodDefinition<EventDraft, Event> = {
  path: '/kelpie.bench.Relay/Connect',
  requestStream: true,
  responseStream: true,
  requestSerialize: (draft) => Buffer.from(EventDraft.encode(draft).finish()),
  requestDeserialize: (bytes) => EventDraft.decode(bytes),
  responseSerialize: (event) => Buffer.from(Event.encode(event).finish()),
  responseDeserialize: (bytes) => Event.decode(bytes),
};
