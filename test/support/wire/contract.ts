/** The contract as any language gets it: the files of protos/, loaded at run time. */
import { fileURLToPath } from 'node:url';
import {
  loadSync,
  type MessageTypeDefinition,
  type Options,
  type PackageDefinition,
  type ServiceDefinition,
} from '@grpc/proto-loader';
import type { NodeFrame } from './frames.js';

/** The compiled file lies one folder deeper, in dist. */
const PROTOS = fileURLToPath(new URL('../../../../protos', import.meta.url));

/** Names as in the protos, enums by name, 64-bit numbers as numbers (all stay below 2^53). */
export const LOADING: Options = {
  keepCase: true,
  longs: Number,
  enums: String,
  defaults: true,
  oneofs: true,
  includeDirs: [PROTOS],
};

export const contract = loadSync(
  ['session', 'event', 'node', 'coordinator', 'routing'].map(
    (name) => `kelpie/v1/${name}_service.proto`,
  ),
  LOADING,
);

export function methodOf(name: string): ServiceDefinition[string] {
  const [service = '', method = ''] = name.split('.');
  const found = (contract[`kelpie.v1.${service}`] as ServiceDefinition)[method];
  if (!found) throw new Error(`protos/ have no ${name}`);
  return found;
}

/** The bytes of a message on a session's stream, for peers that write them by hand. */
export function requestBytes(...frames: NodeFrame[]): Buffer {
  return bytesOf('SessionService.Connect', { frames });
}

/** The bytes of a request of a method. */
export function bytesOf(method: string, request: object): Buffer {
  return methodOf(method).requestSerialize(request);
}

/** Decodes the bytes of a message. */
export function unpack(pack: PackageDefinition, type: string, bytes: Buffer): object {
  return (pack[type] as MessageTypeDefinition<object, object>).deserialize(bytes);
}
