/** AccessService: credentials and rights, as messages of the contract. */
import {
  Rights as WireRights,
  CredentialPreset,
  type Credential,
} from '../../../gen/ts/kelpie/v1/access.js';
import {
  AccessServiceDefinition,
  type CreateCredentialResponse,
  type GetOwnCredentialResponse,
  type GetSecurityResponse,
  type ListCredentialsResponse,
  type RotateCredentialResponse,
} from '../../../gen/ts/kelpie/v1/access_service.js';
import { amount, flag, text } from '../../core/arguments.js';
import { type JoinTerms, joinTermsOf, type Rights, rightsOf } from '../../core/credential.js';
import { durationOf } from '../../core/duration.js';
import { known } from '../../core/known.js';
import { type PresetName, presetOf } from '../../core/spelling.js';
import { KelpieError } from '../../errors.js';
import { type CallOptions, callOptions, type CreateService, type Service } from '../call.js';
import { type PageOptions, pageSizeOf } from '../paging.js';

/** A credential to make. */
export interface CredentialRequest {
  /** The preset whose rights the credential gets. Default: `rights` alone. */
  readonly preset?: PresetName;
  /** Rights beside those of the preset. A list of node names, roles or command targets replaces the preset's. */
  readonly rights?: Partial<Rights>;
  /** The time until the credential expires, in milliseconds: 1 s to 10 years. Default: never. */
  readonly ttlMs?: number;
  /** The common name of the client certificate that a peer must show. Default: none. */
  readonly certificateName?: string;
  /** The credential has no token, only a certificate. */
  readonly withoutToken?: boolean;
  /** The credential is a join token. It needs `ttlMs`, of at most 7 days. */
  readonly join?: JoinTerms;
}

/** The options of `rotate`. */
export interface RotateOptions extends CallOptions {
  /** How long the older tokens go on, in milliseconds: 0 to 30 days. Default 24 hours. */
  readonly overlapMs?: number;
}

const FIELDS = { preset: 1, rights: 1, ttlMs: 1, certificateName: 1, withoutToken: 1, join: 1 };

/** More than the contract allows. The coordinator checks its limits. */
const LONGEST_MS = 100 * 365 * 24 * 60 * 60 * 1000;

/** The calls of `api.access`, with answers as the contract has them. */
export class AccessMessages {
  readonly #service: Service<typeof AccessServiceDefinition>;

  /** @internal */
  constructor(create: CreateService) {
    this.#service = create(AccessServiceDefinition);
  }

  async create(
    name: string,
    request: CredentialRequest = {},
    options: CallOptions = {},
  ): Promise<CreateCredentialResponse> {
    const {
      preset,
      rights,
      ttlMs,
      certificateName = '',
      withoutToken = false,
      join,
    } = known('the request', request, FIELDS);
    const message = {
      name: text('name', name),
      preset: preset === undefined ? CredentialPreset.UNSPECIFIED : presetOf(preset),
      rights: rights === undefined ? WireRights.create() : rightsOf(rights),
      ttl: ttlMs === undefined ? undefined : durationOf(amount('ttlMs', ttlMs, 0, LONGEST_MS)),
      certificateName: text('certificateName', certificateName),
      withoutToken: flag('withoutToken', withoutToken),
      join: join && joinTermsOf(join),
    };
    return this.#service.createCredential(message, callOptions(options));
  }

  async get(id: string, options: CallOptions = {}): Promise<Credential> {
    const request = { id: text('id', id) };
    return given((await this.#service.getCredential(request, callOptions(options))).credential);
  }

  async list(page: PageOptions = {}, options: CallOptions = {}): Promise<ListCredentialsResponse> {
    const { pageSize, pageToken = '' } = page;
    const request = { pageSize: pageSizeOf(pageSize), pageToken: text('pageToken', pageToken) };
    return this.#service.listCredentials(request, callOptions(options));
  }

  async revoke(id: string, options: CallOptions = {}): Promise<Credential> {
    const request = { id: text('id', id) };
    return given((await this.#service.revokeCredential(request, callOptions(options))).credential);
  }

  async rotate(
    id: string,
    { overlapMs, ...options }: RotateOptions = {},
  ): Promise<RotateCredentialResponse> {
    const overlap =
      overlapMs === undefined
        ? undefined
        : durationOf(amount('overlapMs', overlapMs, 0, LONGEST_MS));
    const request = { id: text('id', id), overlap };
    return this.#service.rotateCredential(request, callOptions(options));
  }

  async own(options: CallOptions = {}): Promise<GetOwnCredentialResponse> {
    return this.#service.getOwnCredential({}, callOptions(options));
  }

  async security(options: CallOptions = {}): Promise<GetSecurityResponse> {
    return this.#service.getSecurity({}, callOptions(options));
  }
}

/** The credential of an answer. Throws PROTOCOL. */
export function given(credential: Credential | undefined): Credential {
  if (credential) return credential;
  throw new KelpieError('PROTOCOL', 'the coordinator answered without the credential');
}
