/** Tokens as text. A message never shows one, nor a text that was given in its place. */
import { createHash, randomBytes } from 'node:crypto';
import { invalid } from './arguments.js';

/** The most bytes of a file of a token. A larger file is another file. */
export const TOKEN_FILE_BYTES = 4096;

/** A text that a header can carry. The tokens of a coordinator have another form, which only the coordinator judges. */
const CARRIED = /^[\x21-\x7e]{1,1024}$/;

/** The form of the tokens that coordinators make. */
const FORM = /^klp_[A-Za-z0-9_-]{43}$/;

const TOKEN_BYTES = 32;

/** Where a token comes from: at most one of the first two. */
export interface TokenPlaces {
  readonly token?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly joinToken?: string | undefined;
}

/**
 * The places that a program names; without any of `token` and `tokenFile`, those of the environment. `joins`: whether a
 * join token counts. Throws VALUE_INVALID.
 */
export function tokenPlacesOf(given: TokenPlaces, joins: boolean): TokenPlaces {
  const { token, tokenFile } = placesOf(given);
  if (token !== undefined) tokenOf('token', token);
  if (tokenFile === '') throw invalid('tokenFile is empty; it must be a path', 'tokenFile');
  const set = joins && token === undefined ? variable('KELPIE_JOIN_TOKEN') : undefined;
  const joinToken = given.joinToken ?? set;
  if (joinToken !== undefined) tokenOf('joinToken', joinToken);
  return { token, tokenFile, joinToken };
}

function placesOf({ token, tokenFile }: TokenPlaces): TokenPlaces {
  if (token === undefined && tokenFile === undefined) {
    const set = { token: variable('KELPIE_TOKEN'), tokenFile: variable('KELPIE_TOKEN_FILE') };
    return onlyOne(set, 'KELPIE_TOKEN and KELPIE_TOKEN_FILE');
  }
  return onlyOne({ token, tokenFile }, 'token and tokenFile');
}

function onlyOne(places: TokenPlaces, names: string): TokenPlaces {
  if (places.token === undefined || places.tokenFile === undefined) return places;
  throw invalid(`${names} are both set; set one of them`, 'token');
}

/** An empty variable counts as not set. */
function variable(name: string): string | undefined {
  const value = process.env[name]?.trim();
  return value === '' ? undefined : value;
}

/** Throws VALUE_INVALID. */
export function tokenOf(field: string, value: unknown): string {
  if (typeof value === 'string' && CARRIED.test(value)) return value;
  throw invalid(
    `${field} is no token; a token is klp_ and 43 letters, digits, "_" and "-", without spaces`,
    field,
  );
}

/** Whether a coordinator can have made the token. */
export function hasTokenForm(token: string): boolean {
  return FORM.test(token);
}

/** A new token. */
export function drawToken(): string {
  return `klp_${randomBytes(TOKEN_BYTES).toString('base64url')}`;
}

/** The hash of a token, which a coordinator stores in its place. */
export function hashOfToken(token: string): Uint8Array {
  return createHash('sha256').update(token).digest();
}
