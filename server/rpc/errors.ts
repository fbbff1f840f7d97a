/** The one way from an error to a gRPC status, with its details. */
import { ServerError, Status } from 'nice-grpc';
import {
  Any,
  ErrorInfo,
  type ErrorDetails,
  RetryInfo,
  RichServerError,
} from 'nice-grpc-error-details';
import { ErrorDetail as WireError } from '../../gen/ts/kelpie/v1/error.js';
import { durationOf } from '../core/duration.js';
import { type KelpieError, reasons } from '../core/errors.js';
import { publicError, wireError } from '../session/frames.js';

/** The domain of ErrorInfo. */
const DOMAIN = 'kelpie';

/** What a call ends with that threw this; what is not ours is masked, and told to `onFault`. */
export function thrownAsStatus(thrown: unknown, onFault: (error: unknown) => void): unknown {
  const known = thrown instanceof ServerError || (thrown as Error).name === 'AbortError';
  return known ? thrown : statusOf(publicError(thrown, onFault));
}

function statusOf(error: KelpieError): RichServerError {
  const { reason, metadata, retryAfterMs } = error;
  const details: ErrorDetails[] = [ErrorInfo.fromPartial({ reason, domain: DOMAIN, metadata })];
  if (retryAfterMs !== undefined) {
    details.push(RetryInfo.fromPartial({ retryDelay: durationOf(retryAfterMs) }));
  }
  const value = WireError.encode(wireError(error)).finish();
  details.push(Any.fromPartial({ typeUrl: 'type.googleapis.com/kelpie.v1.ErrorDetail', value }));
  return new RichServerError(Status[reasons[reason]], error.message, details);
}
