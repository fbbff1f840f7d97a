/** Errors as they travel in frames, in commands and in status details. */
import { type ErrorDetail, ErrorReason } from '../../gen/ts/kelpie/v1/error.js';
import { durationOf, msOf } from './duration.js';
import { KelpieError, type ReasonName, reasons } from './errors.js';

export function wireError(error: KelpieError): ErrorDetail {
  return {
    reason: ErrorReason[error.reason],
    code: error.code,
    message: error.message,
    metadata: error.metadata,
    retryAfter: error.retryAfterMs === undefined ? undefined : durationOf(error.retryAfterMs),
  };
}

/** The error of another coordinator. A newer one may have a reason that this one does not know. */
export function errorOf({ reason, message, metadata, retryAfter }: ErrorDetail): KelpieError {
  const known = (Object.keys(reasons) as ReasonName[]).find((name) => ErrorReason[name] === reason);
  const options = retryAfter ? { retryAfterMs: msOf(retryAfter) } : {};
  return new KelpieError(known ?? 'OUTCOME_UNKNOWN', message, metadata, options);
}
