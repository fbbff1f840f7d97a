/**
 * Frames as bytes. Connect's responses pass through the rpc edge untouched, so that a batch that
 * many sessions get is encoded once; WatchEvents has the same frames under the same numbers.
 */
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { CoordinatorFrame } from '../../gen/ts/kelpie/v1/session_service.js';
import { Snapshot } from '../../gen/ts/kelpie/v1/stream.js';
import { KelpieError } from '../core/errors.js';
import { type Batch, encodeBatch } from './batch.js';

export { wireError } from '../core/wire-error.js';

/** The kinds of frames that a coordinator sends. */
export type Frame = NonNullable<CoordinatorFrame['frame']>;

/** A frame as the `frames` field of a ConnectResponse: parts one after the other are a message. */
export type FramePart = Uint8Array;

const RESPONSE_FRAME = (1 << 3) | 2;
const FRAME_EVENT_BATCH = (2 << 3) | 2;
const FRAME_SNAPSHOT = (6 << 3) | 2;
const SNAPSHOT_ROW = (3 << 3) | 2;
const FRAME_COMMAND_REQUEST = (14 << 3) | 2;
const FRAME_NODE_LOADS = (13 << 3) | 2;

export function encodeFrame(frame: Frame, requestId = 0): FramePart {
  const writer = new BinaryWriter().uint32(RESPONSE_FRAME).fork();
  return CoordinatorFrame.encode({ requestId, frame }, writer).join().finish();
}

/** The frame of a CommandRequest that is encoded already, in parts. */
export function encodeRequestFrame(parts: readonly Uint8Array[]): FramePart {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const inner = new BinaryWriter().uint32(FRAME_COMMAND_REQUEST).uint32(length).finish();
  const outer = new BinaryWriter()
    .uint32(RESPONSE_FRAME)
    .uint32(inner.length + length)
    .finish();
  return Buffer.concat([outer, inner, ...parts]);
}

/** The frames of batches, each with the position after which it begins. */
const made = new WeakMap<Batch, { readonly after: number; readonly part: FramePart }>();

/**
 * The frame of a batch whose events are encoded already. Readers that share a batch share its
 * bytes, which begin after the lowest position among them; a reader that is further skips what it has.
 */
export function encodeBatchFrame(after: number, batch: Batch): FramePart {
  const known = made.get(batch);
  if (known && known.after <= after) return known.part;
  const part = encodeBatch(after, batch, [RESPONSE_FRAME, FRAME_EVENT_BATCH]);
  made.set(batch, { after, part });
  return part;
}

/** The frame of loads that are encoded already, each as it stands in NodeLoads. */
export function encodeLoadsFrame(chunks: readonly Uint8Array[]): FramePart {
  const writer = new BinaryWriter().uint32(RESPONSE_FRAME).fork().uint32(FRAME_NODE_LOADS).fork();
  return writer.raw(Buffer.concat(chunks)).join().join().finish();
}

/** The frame of a part of a Snapshot whose rows are encoded already. */
export function encodeSnapshotFrame(part: Snapshot, rows: readonly Uint8Array[]): FramePart {
  const writer = new BinaryWriter().uint32(RESPONSE_FRAME).fork();
  Snapshot.encode(part, writer.uint32(FRAME_SNAPSHOT).fork());
  for (const row of rows) writer.uint32(SNAPSHOT_ROW).bytes(row);
  return writer.join().join().finish();
}

/** The ConnectResponse that carries these frames. */
export function encodeResponse(parts: readonly FramePart[]): Uint8Array {
  const [first] = parts;
  return first && parts.length === 1 ? first : Buffer.concat(parts);
}

/** The frame without the field around it, as WatchEvents sends it. */
export function frameOf(part: FramePart): Uint8Array {
  const reader = new BinaryReader(part);
  reader.tag();
  return reader.bytes();
}

/** The error that a peer gets: our own errors as they are, and INTERNAL in place of others. */
export function publicError(error: unknown, onFault: (error: unknown) => void): KelpieError {
  if (error instanceof KelpieError) return error;
  onFault(error);
  return new KelpieError('INTERNAL', 'the coordinator failed; its log says more');
}
