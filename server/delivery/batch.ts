/**
 * Entries as readers get them. An event is encoded once, into a chunk that any number of batches can
 * take as it is; a batch is put together by copying chunks, not by encoding anything again.
 */
import { Cursor as CursorMessage } from '../../gen/ts/kelpie/v1/cursor.js';
import type { Cursor } from '../core/cursor.js';
import type { TopicFilter } from '../topics/filter.js';
import type { Entry } from '../journal/journal.js';

/** How large a batch may become; a single event always fits. */
export interface BatchLimits {
  readonly events: number;
  readonly bytes: number;
}

/** 64 KiB is also one HTTP/2 window: more at once would make heartbeats wait for a round trip. */
export const BATCH_LIMITS: BatchLimits = { events: 256, bytes: 64 * 1024 };

/** Tags of the wire: `<field number> << 3 | <wire type>`. A test decodes what they make. */
const EVENT_SEQUENCE = (1 << 3) | 0;
const BATCH_AFTER = (1 << 3) | 0;
const BATCH_UP_TO = (2 << 3) | 2;
const BATCH_EVENT = (3 << 3) | 2;

/** An entry, encoded for readers. */
export interface EncodedEntry {
  readonly sequence: number;
  readonly tag: number;
  readonly topic: string;
  readonly source: string;
  /** The entry as the `events` field of an EventBatch; undefined for entries that are no event. */
  readonly chunk: Uint8Array | undefined;
}

/** A piece of the journal, filtered. Never changed once it is made, so readers can share it. */
export interface Batch {
  /** The position up to which everything that matches is in it. */
  readonly upTo: Cursor;
  /** Bytes of the events. */
  readonly bytes: number;
  /** The encoded events, in order. */
  readonly chunks: readonly Uint8Array[];
}

/**
 * Takes matching entries until the batch reaches a limit. The batch ends at `end` if it saw all entries,
 * else at the last event that it took.
 */
export function collect(
  entries: Iterable<EncodedEntry>,
  end: Cursor,
  filter: TopicFilter,
  limits: BatchLimits,
): Batch {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let upTo = end;
  for (const entry of entries) {
    if (!entry.chunk || !filter.takes(entry)) continue;
    const full = chunks.length === limits.events || bytes + entry.chunk.length > limits.bytes;
    if (full && chunks.length > 0) return { upTo, bytes, chunks };
    chunks.push(entry.chunk);
    bytes += entry.chunk.length;
    upTo = { epoch: end.epoch, sequence: entry.sequence, tag: entry.tag };
  }
  return { upTo: end, bytes, chunks };
}

/**
 * Appends the sequence to the event; fields of a message may come in any order. Written by hand into
 * a pooled buffer: this runs once for every event, and allocation is most of what it costs.
 */
export function encodeEntry(entry: Entry): EncodedEntry {
  const { sequence, tag, topic, source, event } = entry;
  if (event.length === 0) return { sequence, tag, topic, source, chunk: undefined };
  const length = event.length + 1 + varintLength(sequence);
  const chunk = Buffer.allocUnsafe(1 + varintLength(length) + length);
  let at = writeField(chunk, 0, BATCH_EVENT, length);
  chunk.set(event, at);
  at += event.length;
  chunk[at] = EVENT_SEQUENCE;
  writeVarint(chunk, at + 1, sequence);
  return { sequence, tag, topic, source, chunk };
}

/**
 * The bytes of the EventBatch message; `after` as the contract has it. With `fields`, as the value
 * of these fields of other messages, the outermost first: all of it in one buffer.
 */
export function encodeBatch(
  after: number,
  { upTo, bytes, chunks }: Batch,
  fields: readonly number[] = [],
): Uint8Array {
  const cursor = CursorMessage.encode(upTo).finish();
  const fixed = 1 + varintLength(after) + 1 + varintLength(cursor.length) + cursor.length;
  // Inside out: the length of the whole, and of the value of each field.
  const lengths = fields.reduceRight(
    ([inner = 0, ...rest]) => [1 + varintLength(inner) + inner, inner, ...rest],
    [fixed + bytes],
  );
  const buffer = Buffer.allocUnsafe(lengths[0] ?? 0);
  let at = 0;
  fields.forEach((field, index) => (at = writeField(buffer, at, field, lengths[index + 1] ?? 0)));
  buffer[at] = BATCH_AFTER;
  at = writeVarint(buffer, at + 1, after);
  at = writeField(buffer, at, BATCH_UP_TO, cursor.length);
  buffer.set(cursor, at);
  at += cursor.length;
  for (const chunk of chunks) {
    buffer.set(chunk, at);
    at += chunk.length;
  }
  return buffer;
}

/** The beginning of a field that has a length. All field numbers here are below 16. */
function writeField(target: Uint8Array, from: number, tag: number, length: number): number {
  target[from] = tag;
  return writeVarint(target, from + 1, length);
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length += 1;
  return length;
}

/** Arithmetic and not bits: sequences have more than 32. Returns where it ends. */
function writeVarint(target: Uint8Array, from: number, value: number): number {
  let at = from;
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) target[at++] = (rest % 128) + 128;
  target[at++] = rest;
  return at;
}
