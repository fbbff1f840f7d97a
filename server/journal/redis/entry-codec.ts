/** The bytes of an entry in Redis, without its sequence and tag, which the script adds for a whole run. */
import type { Draft, Entry } from '../journal.js';

/** The offsets of the fields before the texts. */
const TOPIC_LENGTH = 0;
const SOURCE_LENGTH = 2;
const KEY_LENGTH = 4;
const EVENT_LENGTH = 8;
const VALUE_LENGTH = 12;
const HEADER_BYTES = 16;
/** The length of a key or a value that the entry does not have. */
const NONE = 0xffff_ffff;
const LONGEST_TEXT_BYTES = 0xffff;
/** The sequence of a row is a double. */
const SEQUENCE_BYTES = 8;

/** Throws a RangeError if a text is too long to be stored. */
export function checkDraft({ topic, source, key }: Draft): void {
  for (const text of [topic, source]) {
    if (text.length * 3 > LONGEST_TEXT_BYTES && Buffer.byteLength(text) > LONGEST_TEXT_BYTES) {
      throw new RangeError(
        `a topic and a source may have at most ${LONGEST_TEXT_BYTES} bytes each`,
      );
    }
  }
  if (key === '') throw new RangeError('a key must have at least 1 byte');
}

/** How many bytes an entry takes. */
export function entryBytes({ topic, source, key = '', event, value }: Draft): number {
  const texts = Buffer.byteLength(topic) + Buffer.byteLength(source) + Buffer.byteLength(key);
  return HEADER_BYTES + texts + event.length + (value?.length ?? 0);
}

/** Writes an entry at a place. Its value, if it has one, comes last. Returns the place after it. */
export function writeEntry(bytes: Buffer, at: number, draft: Draft): number {
  const { topic, source, key, event, value } = draft;
  let end = at + HEADER_BYTES;
  const text = (text: string): number => {
    const length = bytes.write(text, end);
    end += length;
    return length;
  };
  bytes.writeUInt16LE(text(topic), at + TOPIC_LENGTH);
  bytes.writeUInt16LE(text(source), at + SOURCE_LENGTH);
  bytes.writeUInt32LE(key === undefined ? NONE : text(key), at + KEY_LENGTH);
  bytes.writeUInt32LE(event.length, at + EVENT_LENGTH);
  bytes.writeUInt32LE(value ? value.length : NONE, at + VALUE_LENGTH);
  bytes.set(event, end);
  end += event.length;
  if (value) bytes.set(value, end);
  return end + (value?.length ?? 0);
}

/** The entries of a run, whose first has that sequence. They share the memory of `bytes`. */
export function readEntries(bytes: Buffer, first: number, tag: number): Entry[] {
  const entries: Entry[] = [];
  for (let at = 0; at < bytes.length;) {
    const keyLength = bytes.readUInt32LE(at + KEY_LENGTH);
    const valueLength = bytes.readUInt32LE(at + VALUE_LENGTH);
    let end = at + HEADER_BYTES;
    const text = (length: number): string => bytes.toString('utf8', end, (end += length));
    const part = (length: number): Buffer => bytes.subarray(end, (end += length));
    const topic = text(bytes.readUInt16LE(at + TOPIC_LENGTH));
    const source = text(bytes.readUInt16LE(at + SOURCE_LENGTH));
    const key = keyLength === NONE ? undefined : text(keyLength);
    const event = part(bytes.readUInt32LE(at + EVENT_LENGTH));
    const value = valueLength === NONE ? null : part(valueLength);
    const row = key === undefined ? {} : { key, value };
    entries.push({ sequence: first + entries.length, tag, topic, event, source, ...row });
    at = end;
  }
  return entries;
}

/** The row in a field of the table. Undefined: the field is no row, so somebody else put it there. */
export function readRow(
  field: Buffer,
): { readonly sequence: number; readonly value: Uint8Array } | undefined {
  if (field.length < SEQUENCE_BYTES) return undefined;
  const sequence = field.readDoubleLE(0);
  if (!Number.isSafeInteger(sequence) || sequence <= 0) return undefined;
  return { sequence, value: field.subarray(SEQUENCE_BYTES) };
}
