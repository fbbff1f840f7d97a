/** Buckets and keys of shared values, and their form in topics. A test compares this with the coordinator. */
import { shown, text } from './arguments.js';
import { KelpieError } from '../errors.js';

const BUCKET = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const KEY_BYTES = 128;
const ENCODED_BYTES = 180;
const OTHER = /[^A-Za-z0-9-]/;

/** The bucket and the key of a value, as text that the wire can carry. */
export interface ValuePlace {
  readonly bucket: string;
  readonly key: string;
}

/** Throws VALUE_INVALID for anything but text, and KEY_INVALID. */
export function placeOf(bucket: unknown, key: unknown): ValuePlace {
  const place = { bucket: bucketOf(bucket), key: text('key', key) };
  checkKey(place.key);
  return place;
}

/** Throws VALUE_INVALID or KEY_INVALID. */
export function bucketOf(bucket: unknown): string {
  const checked = text('bucket', bucket);
  if (BUCKET.test(checked)) return checked;
  const rule = 'a bucket has 1 to 63 of a-z, 0-9, "_" and "-", and begins with a letter or digit';
  throw invalid('bucket', `${shown(checked)} cannot be a bucket: ${rule}`);
}

function checkKey(key: string): void {
  const bytes = key.length > KEY_BYTES ? key.length : Buffer.byteLength(key);
  if (bytes < 1 || bytes > KEY_BYTES)
    throw invalid('key', `a key has 1 to ${KEY_BYTES} bytes; ${shown(key)} has ${bytes}`);
  const encoded = encodedKey(key);
  if (encoded.length <= ENCODED_BYTES) return;
  const message =
    `${shown(key)} has ${encoded.length} bytes in its topic, where a byte other than a letter, a digit or "-" ` +
    `takes three; the limit is ${ENCODED_BYTES}`;
  throw invalid('key', message);
}

/** The topic of a value. */
export function topicOf({ bucket, key }: ValuePlace): string {
  return `state.${bucket}.${encodedKey(key)}`;
}

/** The pattern of all values of a bucket. */
export function patternOf(bucket: string): string {
  return `state.${bucket}.*`;
}

/** Each byte other than a letter, a digit or `-` becomes `_` and two hex digits in lower case. */
export function encodedKey(key: string): string {
  let encoded = '';
  for (const byte of Buffer.from(key)) {
    const letter = String.fromCharCode(byte);
    encoded += OTHER.test(letter) ? `_${byte.toString(16).padStart(2, '0')}` : letter;
  }
  return encoded;
}

function invalid(field: string, message: string): KelpieError {
  return new KelpieError('KEY_INVALID', message, { metadata: { field }, permanent: true });
}
