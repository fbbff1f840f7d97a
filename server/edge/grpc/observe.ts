/** Around every call: an error becomes a status, and an observer hears how the call ended. */
import { type CallContext, ServerError, type ServerMiddlewareCall, Status } from 'nice-grpc';
import type { Clock } from '../../core/clock.js';
import { publicError } from '../../delivery/frames.js';
import { DETAILS, detailsOf, statusOf } from './errors.js';
import { startSpan } from './trace.js';

/** Hears of calls that ended, by path and status code; without a duration of streams. */
export type CallObserver = (method: string, code: string, durationMs?: number) => void;

/** A stream's responses are yielded, a single one is returned. */
export type Responses<Response> = AsyncGenerator<Response, Response | undefined, undefined>;

/** The outermost middleware. */
export function observeCalls(
  clock: Clock,
  version: string,
  onCall: CallObserver,
  onFault: (error: unknown) => void,
) {
  return async function* observed<Request, Response>(
    call: ServerMiddlewareCall<Request, Response>,
    context: CallContext,
  ): Responses<Response> {
    const { path } = call.method;
    const streams = call.requestStream || call.responseStream;
    const startMs = clock.now();
    const span = streams ? undefined : startSpan(path, context.metadata, version);
    const responses = call.next(call.request, context) as Responses<Response>;
    // The code of a call whose caller does not wait for its end.
    let code = 'CANCELLED';
    try {
      const response = span ? (await span.run(() => responses.next())).value : yield* responses;
      if (!context.signal.aborted) code = 'OK';
      return response;
    } catch (error) {
      const status = statusFor(error, context, onFault);
      if (status instanceof ServerError) code = Status[status.code];
      throw status;
    } finally {
      onCall(path, code, streams ? undefined : clock.now() - startMs);
      span?.end(code);
    }
  };
}

/** The status of a call that threw this; its details go into the trailers. */
function statusFor(thrown: unknown, { trailer }: CallContext, onFault: (fault: unknown) => void) {
  // A library's own, or nobody waits any more.
  if (thrown instanceof ServerError || (thrown as Error).name === 'AbortError') return thrown;
  const error = publicError(thrown, onFault);
  trailer.set(DETAILS, detailsOf(error));
  return statusOf(error);
}
