/** The token that a client shows: a fixed one, or that of a file, which the client reads at each use. */
import { type Channel, Metadata } from 'nice-grpc';
import { AccessServiceDefinition } from '../../gen/ts/kelpie/v1/access_service.js';
import { hashOfToken, type TokenPlaces, tokenPlacesOf } from '../core/token.js';
import { invalid } from '../core/arguments.js';
import { fromThrown, KelpieError, type FailureReason } from '../errors.js';
import { clients } from './clients.js';
import { acceptPending, dropPending, pendingToken, readTokenFile } from './token-file.js';

/** The pause before a refused token of a file is shown again: somebody may replace the file. */
const REFUSED_MS = 15_000;

const REFUSALS: readonly FailureReason[] = [
  'CREDENTIAL_INVALID',
  'CREDENTIAL_EXPIRED',
  'CREDENTIAL_REVOKED',
];

/** Refusals of Join by which no Join has accepted the token that waits, nor an earlier one. */
const NOT_ACCEPTED: readonly FailureReason[] = [
  'JOIN_TOKEN_USED',
  'RIGHT_MISSING',
  'NODE_NAME_INVALID',
  'CREDENTIAL_REQUIRED',
];

export class Tokens {
  readonly #places: TokenPlaces;
  readonly #nodeName: string | undefined;
  /** The token that a coordinator refused last. */
  #refused: string | undefined;

  /** Only a node can join: without `nodeName` a join token is left out. Throws VALUE_INVALID. */
  constructor(given: TokenPlaces, nodeName?: string) {
    this.#nodeName = nodeName;
    this.#places = tokenPlacesOf(given, nodeName !== undefined);
    const { tokenFile, joinToken } = this.#places;
    if (joinToken === undefined || tokenFile !== undefined) return;
    const message = 'a join token needs tokenFile or KELPIE_TOKEN_FILE, for the token of this node';
    throw invalid(message, 'tokenFile');
  }

  /** Whether there is a token, or will be one. */
  get any(): boolean {
    return this.#places.token !== undefined || this.#places.tokenFile !== undefined;
  }

  /** The token to show now; undefined: none. Throws FILE_INVALID. */
  current(): string | undefined {
    const { token, tokenFile } = this.#places;
    if (tokenFile === undefined) return token;
    const found = readTokenFile(tokenFile);
    if (found !== undefined) return found;
    throw new KelpieError('FILE_INVALID', `the token file ${tokenFile} does not exist`);
  }

  /**
   * The token of a node for a stream on this channel. A node with a join token and without a token of its own joins
   * first. Rejects with the refusal of Join, or FILE_INVALID.
   */
  async forStream(channel: Channel, signal: AbortSignal) {
    const { tokenFile, joinToken } = this.#places;
    const nodeName = this.#nodeName;
    if (nodeName === undefined || tokenFile === undefined || joinToken === undefined)
      return this.current();
    const own = readTokenFile(tokenFile);
    if (own !== undefined) return own;
    const join = async (): Promise<void> => {
      const tokenHash = hashOfToken(pendingToken(tokenFile));
      const metadata = metadataOf(joinToken);
      const service = clients.create(AccessServiceDefinition, channel);
      await service.join({ nodeName, tokenHash }, { metadata, signal });
    };
    try {
      await join().catch((thrown: unknown) => {
        // Another join token has made a credential with it, and its answer was lost.
        if (!isTaken(fromThrown(thrown))) throw thrown;
        dropPending(tokenFile);
        return join();
      });
    } catch (thrown) {
      const error = fromThrown(thrown);
      if (NOT_ACCEPTED.includes(error.reason)) dropPending(tokenFile);
      throw notJoined(error);
    }
    acceptPending(tokenFile);
    return this.current();
  }

  /** Whether the file has another token now than the refused one, or the node can join again: true once a refusal. */
  renewed(): boolean {
    const { tokenFile, joinToken } = this.#places;
    if (tokenFile === undefined || this.#refused === undefined) return false;
    try {
      const found = readTokenFile(tokenFile);
      if (found === this.#refused || (found ?? joinToken) === undefined) return false;
    } catch {
      return false;
    }
    this.#refused = undefined;
    return true;
  }

  /**
   * The error of a stream that showed this token, with what to do about it. A file may get another token: its refusal
   * is not permanent.
   */
  refused(token: string | undefined, error: KelpieError): KelpieError {
    const { tokenFile, joinToken } = this.#places;
    const { reason, metadata, cause } = error;
    this.#refused = undefined;
    if (tokenFile === undefined || !REFUSALS.includes(reason)) return error;
    this.#refused = token;
    const again = joinToken === undefined ? '' : ', or remove the file, and the node joins again';
    const message = `${error.message}; the token is that of ${tokenFile}: write a new one into it${again}`;
    const retryAfterMs = Math.max(REFUSED_MS, error.retryAfterMs ?? 0);
    return new KelpieError(reason, message, { metadata, cause, retryAfterMs });
  }
}

/** The metadata that shows a token. */
export function metadataOf(token: string | undefined): Metadata {
  return token === undefined ? Metadata() : Metadata({ authorization: `Bearer ${token}` });
}

function isTaken({ reason, metadata }: KelpieError): boolean {
  return reason === 'RIGHTS_INVALID' && metadata['field'] === 'token_hash';
}

function notJoined({ reason, message, metadata, permanent, retryAfterMs, cause }: KelpieError) {
  const used = reason === 'JOIN_TOKEN_USED';
  const renewed = REFUSALS.includes(reason) || used;
  const help = renewed ? '; get a new one: kelpie token create --join' : '';
  const why =
    reason === 'CREDENTIAL_REQUIRED'
      ? 'it is no join token of this coordinator; if it is the token of the node, set it as token or KELPIE_TOKEN, and ' +
        'not as joinToken or KELPIE_JOIN_TOKEN'
      : message;
  const options = { metadata, permanent: permanent || used, retryAfterMs, cause };
  return new KelpieError(
    reason,
    `the node cannot join with its join token: ${why}${help}`,
    options,
  );
}
