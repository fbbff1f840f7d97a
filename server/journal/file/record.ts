/**
 * The bytes of stored records. Every record begins with a crc32 over its other bytes and over its key. So a reader
 * detects a flipped bit, and a record that stands under the key of another. Integers are little-endian.
 */
import { crc32 } from 'node:zlib';
import type { Draft, Entry } from '../journal.js';
import { JournalError } from '../error.js';

/** An entry of the log, with the facts that retention and `since` need. */
export interface StoredEntry {
  readonly entry: Entry;
  /** The time at which the entry was stored, by the calendar clock. */
  readonly atMs: number;
  /** The latest such time of this entry and of all entries before it. It never falls, which `since` needs. */
  readonly latestMs: number;
  /** The entry's size in the log. */
  readonly bytes: number;
}

const CRC_BYTES = 4;
/** The order of an entry's record: crc32, tag (uint32), sequence, two times (float64), four lengths, the bytes. */
const TAG = 4;
const SEQUENCE = 8;
const AT = 16;
const LATEST = 24;
const TOPIC_LENGTH = 32;
const SOURCE_LENGTH = 34;
const KEY_LENGTH = 36;
const EVENT_LENGTH = 40;
const HEADER_BYTES = 44;
/** Stands in place of the length of a key if the entry has none. */
const NO_KEY = 0xffff;
/** Bit 31 of an event's length: the row's value follows, and may be empty. */
const HAS_VALUE = 0x8000_0000;
/** The highest number of 16 bits below NO_KEY. */
const LONGEST_TEXT_BYTES = 0xfffe;
/** The longest key that lmdb accepts with pages of 4 KiB. */
const LONGEST_KEY_BYTES = 1978;

/** Throws a RangeError if a record cannot hold the draft. */
export function checkDraft({ topic, source, key }: Draft): void {
  // A unit of UTF-16 becomes at most three bytes of UTF-8, so most texts need no exact count.
  const tooLong = (text: string, limit: number): boolean =>
    text.length * 3 > limit && Buffer.byteLength(text) > limit;
  if (tooLong(topic, LONGEST_TEXT_BYTES) || tooLong(source, LONGEST_TEXT_BYTES)) {
    throw new RangeError(`a topic and a source may have at most ${LONGEST_TEXT_BYTES} bytes each`);
  }
  if (key !== undefined && (key === '' || tooLong(key, LONGEST_KEY_BYTES))) {
    throw new RangeError(`a key must have 1 to ${LONGEST_KEY_BYTES} bytes`);
  }
}

/** The record of an entry. Written byte by byte for speed: it runs once for every entry. */
export function encodeEntry(entry: Entry, atMs: number, latestMs: number): Buffer {
  const { topic, source, key, value, event } = entry;
  const topicBytes = Buffer.byteLength(topic);
  const sourceBytes = Buffer.byteLength(source);
  const keyBytes = key === undefined ? 0 : Buffer.byteLength(key);
  const valueBytes = value?.length ?? 0;
  const size = HEADER_BYTES + topicBytes + sourceBytes + keyBytes + event.length + valueBytes;
  const record = Buffer.allocUnsafe(size);
  record.writeUInt32LE(entry.tag, TAG);
  record.writeDoubleLE(entry.sequence, SEQUENCE);
  record.writeDoubleLE(atMs, AT);
  record.writeDoubleLE(latestMs, LATEST);
  record.writeUInt16LE(topicBytes, TOPIC_LENGTH);
  record.writeUInt16LE(sourceBytes, SOURCE_LENGTH);
  record.writeUInt32LE(key === undefined ? NO_KEY : keyBytes, KEY_LENGTH);
  record.writeUInt32LE((event.length | (value ? HAS_VALUE : 0)) >>> 0, EVENT_LENGTH);
  let at = HEADER_BYTES;
  at += record.write(topic, at);
  at += record.write(source, at);
  if (key !== undefined) at += record.write(key, at);
  record.set(event, at);
  if (value) record.set(value, at + event.length);
  record.writeUInt32LE(crc32(record.subarray(CRC_BYTES)), 0);
  return record;
}

/** The entry of a record. Throws Damage, with the sequence, if the record is damaged. */
export function decodeEntry(sequence: number, record: Buffer): StoredEntry {
  const intact =
    record.length >= HEADER_BYTES &&
    record.readUInt32LE(0) === crc32(record.subarray(CRC_BYTES)) &&
    record.readDoubleLE(SEQUENCE) === sequence;
  if (!intact) throw new Damage(`entry ${sequence}`);
  let at = HEADER_BYTES;
  const text = (length: number): string => record.toString('utf8', at, (at += length));
  const topic = text(record.readUInt16LE(TOPIC_LENGTH));
  const source = text(record.readUInt16LE(SOURCE_LENGTH));
  const keyBytes = record.readUInt32LE(KEY_LENGTH);
  const key = keyBytes === NO_KEY ? undefined : text(keyBytes);
  const lengths = record.readUInt32LE(EVENT_LENGTH);
  const event = record.subarray(at, (at += lengths & ~HAS_VALUE));
  const value = lengths >= HAS_VALUE ? record.subarray(at) : null;
  const row = key === undefined ? {} : { key, value };
  const entry = { sequence, tag: record.readUInt32LE(TAG), topic, source, event, ...row };
  const atMs = record.readDoubleLE(AT);
  return { entry, atMs, latestMs: record.readDoubleLE(LATEST), bytes: record.length };
}

/** The record of anything but an entry. */
export function seal(key: Uint8Array, body: Uint8Array): Buffer {
  const record = Buffer.allocUnsafe(CRC_BYTES + body.length);
  record.set(body, CRC_BYTES);
  record.writeUInt32LE(crc32(body, crc32(key)), 0);
  return record;
}

/** The body of a record that `seal` made. Throws Damage, with the name of the part, if the record is damaged. */
export function unseal(part: string, key: Uint8Array, record: Buffer): Buffer {
  const body = record.subarray(CRC_BYTES);
  const intact = record.length >= CRC_BYTES && record.readUInt32LE(0) === crc32(body, crc32(key));
  if (!intact) throw new Damage(part);
  return body;
}

/** The value of a row and the sequence that wrote it. */
export function encodeRow(key: Uint8Array, sequence: number, value: Uint8Array): Buffer {
  const body = Buffer.allocUnsafe(8 + value.length);
  body.writeDoubleLE(sequence, 0);
  body.set(value, 8);
  return seal(key, body);
}

export function decodeRow(
  key: Uint8Array,
  record: Buffer,
): { readonly key: string; readonly sequence: number; readonly value: Uint8Array } {
  const name = Buffer.from(key).toString();
  const body = unseal(`row ${name}`, key, record);
  return { key: name, sequence: body.readDoubleLE(0), value: body.subarray(8) };
}

/** A part of the data differs from the written one. */
export class Damage extends JournalError {
  /** The damaged part, as `checkData` lists it. */
  readonly part: string;

  constructor(part: string, cause?: unknown) {
    super(
      'DAMAGED',
      `The journal is damaged: ${part} differs from what was written. Kelpie skipped nothing. Run ` +
        '`kelpied data check` to see all of the damage, and restore a copy of the data directory.',
      cause,
    );
    this.part = part;
  }
}
