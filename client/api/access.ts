/** AccessService: credentials and rights. */
import { type Credential, credentialOf } from '../core/credential.js';
import type { CallOptions } from './call.js';
import {
  type AccessMessages,
  type CredentialRequest,
  given,
  type RotateOptions,
} from './messages/access.js';
import { type PageOptions, pagesOf } from './paging.js';

/** A credential, and its new token. */
export interface IssuedToken {
  readonly credential: Credential;
  /** Nobody can see it again. Empty for a credential without a token. */
  readonly token: string;
}

/** A page of credentials. */
export interface CredentialPage {
  /** By name. */
  readonly credentials: readonly Credential[];
  /** The `pageToken` of the next page; empty if this is the last one. */
  readonly nextPageToken: string;
}

/** The caller of a call. */
export interface OwnCredential {
  /** Undefined: the coordinator has no credentials, and everybody who reaches it may do everything. */
  readonly credential: Credential | undefined;
  /** The network of the caller. */
  readonly network: string;
  /** The time now, by the clock of the coordinator: by it credentials expire. */
  readonly time: Date | undefined;
}

/**
 * The calls for the credentials of the caller's network. All but `own` need the verb MANAGE_CREDENTIALS, and reject with
 * RIGHT_MISSING without it.
 */
export class AccessApi {
  readonly #messages: AccessMessages;

  /** @internal */
  constructor(messages: AccessMessages) {
    this.#messages = messages;
  }

  /**
   * Makes a credential. Resolves with its token, which nobody can see again. Once the coordinator has a credential, it
   * asks every peer for one. Rejects with RIGHTS_INVALID, RIGHT_MISSING (nobody grants a right that they do not have),
   * OUT_OF_RANGE, CREDENTIAL_LIMIT or VALUE_INVALID.
   *
   * @example
   * const { token } = await api.access.create('lobby-1', { preset: 'SERVER' });
   */
  async create(
    name: string,
    request: CredentialRequest = {},
    options: CallOptions = {},
  ): Promise<IssuedToken> {
    const { credential, token } = await this.#messages.create(name, request, options);
    return { credential: credentialOf(given(credential)), token };
  }

  /** One credential. Rejects with CREDENTIAL_NOT_FOUND. */
  async get(id: string, options: CallOptions = {}): Promise<Credential> {
    return credentialOf(await this.#messages.get(id, options));
  }

  /** One page of the credentials, by name. Expired ones stay for 7 days. */
  async list(page: PageOptions = {}, options: CallOptions = {}): Promise<CredentialPage> {
    const { credentials, nextPageToken } = await this.#messages.list(page, options);
    return { credentials: credentials.map(credentialOf), nextPageToken };
  }

  /** All credentials, by name. */
  async *all(options: CallOptions = {}): AsyncGenerator<Credential, void> {
    const pages = pagesOf((pageToken) => this.list({ pageSize: 1000, pageToken }, options));
    for await (const { credentials } of pages) yield* credentials;
  }

  /**
   * Revokes a credential for ever. Its sessions and calls end within 5 s. Resolves with the credential as it was.
   * Rejects with CREDENTIAL_NOT_FOUND.
   */
  async revoke(id: string, options: CallOptions = {}): Promise<Credential> {
    return credentialOf(await this.#messages.revoke(id, options));
  }

  /**
   * Makes a new token for a credential; the older tokens go on for `overlapMs`. Rejects with CREDENTIAL_NOT_FOUND,
   * RIGHT_MISSING, RIGHTS_INVALID (the credential has no token) or OUT_OF_RANGE.
   */
  async rotate(id: string, options: RotateOptions = {}): Promise<IssuedToken> {
    const { credential, token } = await this.#messages.rotate(id, options);
    return { credential: credentialOf(given(credential)), token };
  }

  /** The caller's own credential: who they are, and what they may do. Needs no right. */
  async own(options: CallOptions = {}): Promise<OwnCredential> {
    const { credential, network, time } = await this.#messages.own(options);
    return { credential: credential && credentialOf(credential), network, time };
  }
}
