/** Checks events before they are stored, and encodes each payload once. */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { EventDraft } from '../../gen/ts/kelpie/v1/event.js';
import { Event, MessageOrigin, Payload } from '../../gen/ts/kelpie/v1/event.js';
import { KelpieError, outOfRange } from '../core/errors.js';
import { checkTopic } from '../topics/topic.js';
import type { Draft } from '../journal/journal.js';
import { checkContent } from '../core/content.js';
import { textOf } from '../network/labels.js';
import type { Limits } from '../network/limits.js';

/** A draft with its encoded payload, for the check of its size and for the journal. */
export interface EncodedDraft extends EventDraft {
  readonly bytes: Uint8Array;
}

/** `message_published` of Event: `<field number> << 3 | <wire type>`. A test decodes it. */
const EVENT_MESSAGE = (6 << 3) | 2;

/** The most bytes of a payload's type. */
const TYPE_BYTES = 255;

/** Reused, so that its buffer grows only once. Each `finish` returns a copy. */
let writer = new BinaryWriter();

/** Encodes the events of one publish. Throws BATCH_INVALID for no events, too many events or too many bytes. */
export function encodeDrafts(drafts: readonly EventDraft[], limits: Limits): EncodedDraft[] {
  if (drafts.length < 1 || drafts.length > limits.publishEvents) {
    throw new KelpieError(
      'BATCH_INVALID',
      `a publish has 1 to ${limits.publishEvents} events, not ${drafts.length}`,
      { events: String(drafts.length), limit: String(limits.publishEvents) },
    );
  }
  const encoded = drafts.map((draft) => ({ ...draft, bytes: encodePayload(draft) }));
  const bytes = encoded.reduce((sum, draft) => sum + draft.bytes.length, 0);
  if (bytes > limits.publishBytes) {
    throw new KelpieError(
      'BATCH_INVALID',
      `the events of a publish have at most ${limits.publishBytes} bytes together, not ${bytes}; send them in several`,
      { bytes: String(bytes), limit: String(limits.publishBytes) },
    );
  }
  return encoded;
}

function encodePayload({ payload }: EventDraft): Uint8Array {
  return payload ? written(() => Payload.encode(payload, writer)) : new Uint8Array();
}

/**
 * The entry for an event. `source` is the name of the publishing node, or empty. Throws TOPIC_INVALID,
 * TOPIC_RESERVED, EVENT_EMPTY, PAYLOAD_TOO_LARGE, CONTENT_TOO_DEEP, TEXT_TOO_LONG or OUT_OF_RANGE.
 */
export function draftEntry(draft: EncodedDraft, source: string, time: Date, limits: Limits): Draft {
  const { topic, payload, bytes } = draft;
  checkTopic(topic);
  if (!payload?.content?.form) {
    throw new KelpieError(
      'EVENT_EMPTY',
      `the event on "${topic}" has no content: set payload.content to data, text, json or list`,
    );
  }
  if (bytes.length > limits.payloadBytes) {
    throw new KelpieError(
      'PAYLOAD_TOO_LARGE',
      `the event on "${topic}" has ${bytes.length} bytes; the limit is ${limits.payloadBytes}`,
      { bytes: String(bytes.length), limit: String(limits.payloadBytes) },
    );
  }
  checkContent(payload.content, limits.jsonDepth);
  textOf('payload.type', payload.type, TYPE_BYTES);
  checkOrigin(payload.origin);
  const frame = { sequence: 0, topic, source, time, body: undefined };
  const event = written(() => Event.encode(frame, writer).uint32(EVENT_MESSAGE).bytes(bytes));
  return { topic, event, source };
}

/** Rejects numbers outside the enum: not every reader could print them as JSON. */
function checkOrigin(origin: MessageOrigin): void {
  const known: readonly MessageOrigin[] = [MessageOrigin.UNSPECIFIED, MessageOrigin.NODE];
  if (known.includes(origin)) return;
  const most = MessageOrigin.NODE;
  throw outOfRange('payload.origin', most, 'an origin is MESSAGE_ORIGIN_UNSPECIFIED or _NODE');
}

/** Encodes with the shared writer, and replaces it after an error: it still holds a part of the failed message. */
function written(write: () => BinaryWriter): Uint8Array {
  try {
    return write().finish();
  } catch (error) {
    writer = new BinaryWriter();
    throw error;
  }
}
