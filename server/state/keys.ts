/** Buckets and keys of shared values, and their form in rows and topics. */
import { KelpieError } from '../core/errors.js';
import { cutText } from '../core/text.js';

const BUCKET = /^[a-z0-9][a-z0-9_-]{0,62}$/;
/** The most bytes of a key. */
const KEY_BYTES = 128;
/** The most bytes of a key in its encoded form: so each topic of a value has at most 255 bytes. */
const ENCODED_BYTES = 180;
/** A byte that stands for itself in the encoded form. `_` is none of them, so no two keys have one form. */
const PLAIN = /[^A-Za-z0-9-]/;

/** Names one value. */
export interface ValuePlace {
  readonly bucket: string;
  readonly key: string;
}

/** The name of a value's row: its bucket and its encoded key. Throws KEY_INVALID. */
export function nameOfValue({ bucket, key }: ValuePlace): string {
  checkBucket(bucket);
  const bytes = Buffer.byteLength(key);
  if (bytes < 1 || bytes > KEY_BYTES) {
    const what = bytes === 0 ? 'is empty' : `has ${bytes} bytes`;
    throw invalid('key', `the key ${what}; a key has 1 to ${KEY_BYTES} bytes`, KEY_BYTES);
  }
  const encoded = encodedKey(key);
  if (encoded.length <= ENCODED_BYTES) return `${bucket}/${encoded}`;
  const message =
    `the key has ${encoded.length} bytes in its topic, where most bytes other than letters, digits and "-" ` +
    `take three; the limit is ${ENCODED_BYTES}`;
  throw invalid('key', message, ENCODED_BYTES);
}

/** The beginning of the names of the rows in a bucket whose keys begin with a text. Throws KEY_INVALID. */
export function nameBefore(bucket: string, keyPrefix: string): string {
  if (bucket === '' && keyPrefix === '') return '';
  checkBucket(bucket);
  if (Buffer.byteLength(keyPrefix) <= KEY_BYTES) return `${bucket}/${encodedKey(keyPrefix)}`;
  const message = `the beginning of the keys has ${Buffer.byteLength(keyPrefix)} bytes; the limit is ${KEY_BYTES}`;
  throw invalid('key_prefix', message, KEY_BYTES);
}

/** Each byte other than a letter, a digit or `-` becomes `_` and two hex digits in lower case. */
export function encodedKey(key: string): string {
  if (!PLAIN.test(key)) return key;
  let encoded = '';
  for (const byte of Buffer.from(key)) {
    const letter = String.fromCharCode(byte);
    encoded += PLAIN.test(letter) ? `_${byte.toString(16).padStart(2, '0')}` : letter;
  }
  return encoded;
}

function checkBucket(bucket: string): void {
  if (BUCKET.test(bucket)) return;
  const message =
    `"${cutText(bucket, 80)}" cannot be a bucket: a bucket has 1 to 63 of a-z, 0-9, "_" and "-", and begins ` +
    'with a letter or digit';
  throw invalid('bucket', message);
}

function invalid(field: string, message: string, limit?: number): KelpieError {
  const facts = limit === undefined ? { field } : { field, limit: String(limit) };
  return new KelpieError('KEY_INVALID', message, facts);
}
