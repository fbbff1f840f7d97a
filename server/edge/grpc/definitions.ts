/**
 * Service definitions that pass bytes through. The edge decodes a request when the call has its turn, so bytes
 * that are no message give an error like any other. The answers of streams are encoded already.
 */
import type { TsProtoServiceDefinition } from 'nice-grpc';
import {
  fromTsProtoServiceDefinition,
  type FromTsProtoServiceDefinition,
} from 'nice-grpc/lib/service-definitions/ts-proto.js';
import { EventServiceDefinition } from '../../../gen/ts/kelpie/v1/event_service.js';
import { SessionServiceDefinition } from '../../../gen/ts/kelpie/v1/session_service.js';
import { notReadable } from './errors.js';
import { WireReader } from './wire-reader.js';

type Decode = (bytes: Buffer) => unknown;

const asItIs = (bytes: Uint8Array): Uint8Array => bytes;

const decoders = new Map<string, Decode>();

/** The request of the method with this path. Throws MESSAGE_INVALID. */
export function decodeRequest(path: string, request: unknown): unknown {
  const decode = decoders.get(path);
  if (!decode) return request;
  try {
    return decode(request as Buffer);
  } catch {
    throw notReadable();
  }
}

/** The definition of a service of the contract, whose requests `decodeRequest` decodes. */
export function ofContract<Definition extends TsProtoServiceDefinition>(
  definition: Definition,
): FromTsProtoServiceDefinition<Definition> {
  // The generated code also reads from a reader, though the type of nice-grpc does not say so.
  return later(methodsOf(definition), (decode) => (bytes) => {
    return decode(new WireReader(bytes) as unknown as Buffer);
  });
}

/** The methods of a service as nice-grpc has them. */
export function methodsOf<Definition extends TsProtoServiceDefinition>(
  definition: Definition,
): FromTsProtoServiceDefinition<Definition> {
  return fromTsProtoServiceDefinition(definition) as FromTsProtoServiceDefinition<Definition>;
}

/** The same methods, whose requests `decodeRequest` decodes. */
export function later<Methods extends object>(
  methods: Methods,
  read: (decode: Decode) => Decode = (decode) => decode,
): Methods {
  const known = methods as Record<string, { path: string; requestDeserialize: Decode }>;
  const handing = Object.entries(known).map(([name, method]) => {
    decoders.set(method.path, read(method.requestDeserialize));
    return [name, { ...method, requestDeserialize: asItIs }];
  });
  return Object.fromEntries(handing) as Methods;
}

const { connect } = methodsOf(SessionServiceDefinition);

/** `messages.ts` decodes its messages frame by frame. */
export const SessionService = {
  connect: { ...connect, requestDeserialize: asItIs, responseSerialize: asItIs },
};

const event = ofContract(EventServiceDefinition);

export const EventService = {
  ...event,
  watchEvents: { ...event.watchEvents, responseSerialize: asItIs },
};
