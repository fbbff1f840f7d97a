/**
 * Frames as bytes. Connect's responses pass through the rpc edge untouched, so that a batch that
 * many sessions get is encoded once; WatchEvents has the same frames under the same numbers.
 */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { CoordinatorFrame } from '../../gen/ts/kelpie/v1/session_service.js';
import type { ErrorDetail as WireError } from '../../gen/ts/kelpie/v1/error.js';
import { ErrorReason } from '../../gen/ts/kelpie/v1/error.js';
import { durationOf } from '../core/duration.js';
import { KelpieError } from '../core/errors.js';
import { type Batch, encodeBatch } from '../journal/tail.js';

/** The kinds of frames that a coordinator sends. */
export type Frame = NonNullable<CoordinatorFrame['frame']>;

const RESPONSE_FRAME = (1 << 3) | 2;
const FRAME_EVENT_BATCH = (2 << 3) | 2;

export function encodeFrame(frame: Frame, requestId = 0): Uint8Array {
  return CoordinatorFrame.encode({ requestId, frame }).finish();
}

/** The frame of a batch whose events are encoded already. */
export function encodeBatchFrame(after: number, batch: Batch): Uint8Array {
  return new BinaryWriter().uint32(FRAME_EVENT_BATCH).bytes(encodeBatch(after, batch)).finish();
}

/** The ConnectResponse that carries these frames. */
export function encodeResponse(frames: readonly Uint8Array[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const frame of frames) writer.uint32(RESPONSE_FRAME).bytes(frame);
  return writer.finish();
}

/** The error as it travels in frames and in status details. */
export function wireError(error: KelpieError): WireError {
  return {
    reason: ErrorReason[error.reason],
    code: error.code,
    message: error.message,
    metadata: error.metadata,
    retryAfter: error.retryAfterMs === undefined ? undefined : durationOf(error.retryAfterMs),
  };
}

/** What a peer may know of something thrown: our own errors as they are, others masked. */
export function publicError(error: unknown, onFault: (error: unknown) => void): KelpieError {
  if (error instanceof KelpieError) return error;
  onFault(error);
  return new KelpieError('INTERNAL', 'the coordinator failed; its log says more');
}
