/** Decodes the messages of a session's stream frame by frame, as the session takes them. */
import { WireType } from '@bufbuild/protobuf/wire';
import { NodeFrame } from '../../../gen/ts/kelpie/v1/session_service.js';
import { KelpieError } from '../../core/errors.js';
import { notReadable } from './errors.js';
import type { Message } from '../../session/port.js';
import { WireReader } from './wire-reader.js';

const FRAMES = 1;
/** Bytes around a Hello in its frame: two tags, two lengths, the request id. */
const AROUND_HELLO = 32;

/**
 * Decodes messages as they are iterated. Iterating a message throws MESSAGE_INVALID, or HELLO_TOO_LARGE if
 * its frame is the first of all and has more bytes than a Hello may have: before anything of it is decoded.
 */
export async function* decoded(
  messages: AsyncIterable<Uint8Array>,
  helloBytes: number,
): AsyncGenerator<Message> {
  const stream = { greeted: false };
  for await (const bytes of messages) {
    yield { frames: framesOf(bytes, stream, helloBytes), bytes: bytes.length };
  }
}

function* framesOf(
  bytes: Uint8Array,
  stream: { greeted: boolean },
  helloBytes: number,
): Generator<NodeFrame> {
  const reader = new WireReader(bytes);
  while (reader.pos < reader.len) {
    const frame = reading(() => nextFrame(reader, stream.greeted ? Infinity : helloBytes));
    if (!frame) continue;
    stream.greeted = true;
    yield frame;
  }
}

/** The frame that comes next; undefined for a field that is none. */
function nextFrame(reader: WireReader, limit: number): NodeFrame | undefined {
  const [field, type] = reader.tag();
  if (field !== FRAMES || type !== WireType.LengthDelimited) {
    reader.skip(type, field);
    return undefined;
  }
  const length = reader.uint32();
  if (length > limit + AROUND_HELLO) throw helloTooLarge(length, limit);
  const end = reader.pos + length;
  const frame = NodeFrame.decode(reader, length);
  // The generated code stops at the end of a group without a beginning.
  if (reader.pos !== end) throw notReadable();
  return frame;
}

function reading<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw error instanceof KelpieError ? error : notReadable();
  }
}

function helloTooLarge(bytes: number, limit: number): KelpieError {
  return new KelpieError(
    'HELLO_TOO_LARGE',
    `the first frame has ${bytes} bytes; a Hello has at most ${limit}; add topics when the session is open`,
    { bytes: String(bytes), limit: String(limit) },
  );
}
