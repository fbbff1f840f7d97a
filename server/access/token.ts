/** Bearer tokens. The coordinator stores their hashes alone. */
import { hash, randomBytes } from 'node:crypto';

const FORM = /^klp_[A-Za-z0-9_-]{43}$/;
/** The hexadecimal digits of a hash by which tokens are found, and of the id of a credential. */
const ID_DIGITS = 12;

/** A new token: 256 random bits. */
export function newToken(): string {
  return `klp_${randomBytes(32).toString('base64url')}`;
}

/** The SHA-256 of a token's text. Undefined: the text has not the form of a token, so it is not hashed. */
export function hashOf(token: string): Buffer | undefined {
  return FORM.test(token) ? hash('sha256', token, 'buffer') : undefined;
}

/** The first digits of a hash. Of its first token it is the id of the credential. */
export function idOf(hashed: Uint8Array): string {
  return Buffer.from(hashed).toString('hex').slice(0, ID_DIGITS);
}

/** The id of a credential without a token. */
export function randomId(): string {
  return idOf(randomBytes(ID_DIGITS / 2));
}

/** The hash of a token that this process made. */
export function hashed(token: string): Buffer {
  const hash = hashOf(token);
  if (!hash) throw new Error('a new token has the form of a token');
  return hash;
}
