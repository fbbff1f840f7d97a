/** Errors as they travel in frames, in commands and in status details. */
import { type ErrorDetail, ErrorReason } from '../../gen/ts/kelpie/v1/error.js';
import { durationOf } from './duration.js';
import type { KelpieError } from './errors.js';

export function wireError(error: KelpieError): ErrorDetail {
  return {
    reason: ErrorReason[error.reason],
    code: error.code,
    message: error.message,
    metadata: error.metadata,
    retryAfter: error.retryAfterMs === undefined ? undefined : durationOf(error.retryAfterMs),
  };
}
