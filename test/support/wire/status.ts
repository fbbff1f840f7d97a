/** The status of a call or a stream, with its details decoded. */
import type { Metadata, StatusObject } from '@grpc/grpc-js';
import { fromJSON, type PackageDefinition } from '@grpc/proto-loader';
import { contract, LOADING, unpack } from './contract.js';
import type { WireError } from './frames.js';

/** google.rpc.Status, and the detail that Google's tools read. Only the fields that tests read. */
const google = fromJSON(
  {
    nested: {
      Status: {
        fields: {
          code: { type: 'int32', id: 1 },
          message: { type: 'string', id: 2 },
          details: { rule: 'repeated', type: 'Detail', id: 3 },
        },
      },
      Detail: { fields: { type_url: { type: 'string', id: 1 }, value: { type: 'bytes', id: 2 } } },
      ErrorInfo: {
        fields: {
          reason: { type: 'string', id: 1 },
          domain: { type: 'string', id: 2 },
          // A map is a list of pairs on the wire.
          metadata: { rule: 'repeated', type: 'Pair', id: 3 },
        },
      },
      Pair: { fields: { key: { type: 'string', id: 1 }, value: { type: 'string', id: 2 } } },
    },
  },
  LOADING,
);

/** The end of a call or a stream. */
export interface End {
  code: number;
  message: string;
  /** The ErrorInfo that Google's own tools read. */
  info: { reason: string; domain: string; metadata: { key: string; value: string }[] } | undefined;
  error: WireError | undefined;
}

/** A call that failed. */
export class CallFailure extends Error {
  readonly end: End;

  constructor(end: End) {
    super(end.message);
    this.end = end;
  }
}

export function endOf({
  code,
  details,
  metadata,
}: Pick<StatusObject, 'code' | 'details'> & {
  metadata: Metadata;
}): End {
  const [status] = metadata.get('grpc-status-details-bin');
  const packed = Buffer.isBuffer(status) ? unpack(google, 'Status', status) : { details: [] };
  const found = (packed as { details: { type_url: string; value: Buffer }[] }).details;
  const detail = (pack: PackageDefinition, type: string): object | undefined => {
    const one = found.find(({ type_url: url }) => url.endsWith(`.${type}`));
    return one && unpack(pack, pack === google ? type : `kelpie.v1.${type}`, one.value);
  };
  return {
    code,
    message: details,
    info: detail(google, 'ErrorInfo') as End['info'],
    error: detail(contract, 'ErrorDetail') as End['error'],
  };
}
