/** The one way from an error to a gRPC status, with its details. */
import { type CallContext, type ServerMiddlewareCall, ServerError, Status } from 'nice-grpc';
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

/** Middleware that turns what handlers throw into a status; what is not ours is masked. */
export function errorsAsStatus(onFault: (error: unknown) => void) {
  return async function* errors<Request, Response>(
    call: ServerMiddlewareCall<Request, Response>,
    context: CallContext,
  ): AsyncGenerator<Response, Response | undefined, undefined> {
    try {
      return (yield* call.next(call.request, context)) as Response | undefined;
    } catch (error) {
      const known = error instanceof ServerError || (error as Error).name === 'AbortError';
      throw known ? error : statusOf(publicError(error, onFault));
    }
  };
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
