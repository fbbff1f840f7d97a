/** How an error becomes a gRPC status with details: all errors go this way. */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { ServerError, Status } from 'nice-grpc';
import { ErrorInfo, RetryInfo } from 'nice-grpc-error-details';
import { ErrorDetail } from '../../../gen/ts/kelpie/v1/error.js';
import { durationOf } from '../../core/duration.js';
import { KelpieError, reasons } from '../../core/errors.js';
import { cutBytes } from '../../core/text.js';
import { wireError } from '../../delivery/frames.js';

/** The domain of ErrorInfo. */
const DOMAIN = 'kelpie.v1';

/** The trailer that carries the details. */
export const DETAILS = 'grpc-status-details-bin';

/** Bytes of a status message. Each may become three, and clients have room for few trailers. */
const MESSAGE_BYTES = 768;

const LENGTH_DELIMITED = 2;
const STATUS = {
  code: 1 << 3,
  message: (2 << 3) | LENGTH_DELIMITED,
  details: (3 << 3) | LENGTH_DELIMITED,
};
const ANY = { typeUrl: (1 << 3) | LENGTH_DELIMITED, value: (2 << 3) | LENGTH_DELIMITED };

/** The status that a call ends with for this error. */
export function statusOf(error: KelpieError): ServerError {
  return new ServerError(Status[reasons[error.reason]], statusText(error.message));
}

/** A status message that every transport carries: grpc-js throws at half of a surrogate pair. */
export function statusText(text: string): string {
  return cutBytes(text, MESSAGE_BYTES);
}

/** The headers of an answer that is only a status. */
export function statusHeaders(error: KelpieError): Record<string, string | number> {
  return {
    ':status': 200,
    'content-type': 'application/grpc+proto',
    'grpc-status': error.code,
    'grpc-message': encodeURIComponent(statusText(error.message)),
    [DETAILS]: Buffer.from(detailsOf(error)).toString('base64'),
  };
}

/** The google.rpc.Status of an error, for the trailer of the details. */
export function detailsOf(error: KelpieError): Uint8Array {
  const { reason, metadata, retryAfterMs } = error;
  const info = ErrorInfo.fromPartial({ reason, domain: DOMAIN, metadata });
  const details = [any(ErrorInfo.$type, ErrorInfo.encode(info).finish())];
  if (retryAfterMs !== undefined) {
    const retry = RetryInfo.fromPartial({ retryDelay: durationOf(retryAfterMs) });
    details.push(any(RetryInfo.$type, RetryInfo.encode(retry).finish()));
  }
  details.push(any('kelpie.v1.ErrorDetail', ErrorDetail.encode(wireError(error)).finish()));
  const status = new BinaryWriter().uint32(STATUS.code).int32(error.code);
  status.uint32(STATUS.message).string(error.message);
  for (const detail of details) status.uint32(STATUS.details).bytes(detail);
  return status.finish();
}

/** A google.protobuf.Any. */
function any(type: string, value: Uint8Array): Uint8Array {
  const writer = new BinaryWriter().uint32(ANY.typeUrl).string(`type.googleapis.com/${type}`);
  return writer.uint32(ANY.value).bytes(value).finish();
}

/** The error for bytes that are no message of the contract. */
export function notReadable(): KelpieError {
  return new KelpieError(
    'MESSAGE_INVALID',
    'the bytes are no message of the contract; generate your client from protos/, and send no other bytes',
  );
}

/** The error for a message that is too large. */
export function tooLarge(limit: number): KelpieError {
  return new KelpieError(
    'MESSAGE_TOO_LARGE',
    `a message has at most ${limit} bytes; send more messages instead`,
    { limit: String(limit) },
  );
}

/** The error for headers that are too large. */
export function headersTooLarge(limit: number): KelpieError {
  return new KelpieError(
    'MESSAGE_TOO_LARGE',
    `the headers of a call have at most ${limit} bytes; send a shorter token and less metadata`,
    { limit: String(limit) },
  );
}

/** The error for a call beyond a limit of calls under way. */
export function callLimit(limit: number, what: string): KelpieError {
  return new KelpieError(
    'CALL_LIMIT',
    `${limit} ${what} are under way; try again`,
    { limit: String(limit) },
    { retryAfterMs: 1000 },
  );
}
