/** Credentials as programs and operators on the machine of the coordinator ask for them. */
import { CredentialPreset, Rights } from '../../gen/ts/kelpie/v1/access.js';
import { CreateCredentialRequest } from '../../gen/ts/kelpie/v1/access_service.js';
import { durationOf } from '../core/duration.js';

const presetNumbers = {
  proxy: CredentialPreset.PROXY,
  server: CredentialPreset.SERVER,
  service: CredentialPreset.SERVICE,
  operator: CredentialPreset.OPERATOR,
  'read-only': CredentialPreset.READ_ONLY,
};

/** Rights that fit most networks. */
export type PresetName = keyof typeof presetNumbers;

export const presetNames = Object.keys(presetNumbers) as readonly PresetName[];

/** A credential to make. */
export interface TokenOptions {
  /** The name for people: 1 to 63 of a-z, 0-9, `_` and `-`. */
  readonly name: string;
  /** The network of the credential. Default main. */
  readonly network?: string;
  /** Default: operator, or none if there are `rights`. */
  readonly preset?: PresetName;
  /** Rights beside those of the preset. Node names, roles and command targets replace those of the preset. */
  readonly rights?: Partial<Rights>;
  /** The time until the credential expires: 1 s to 10 years; of a join token at most 7 days. Default: never. */
  readonly ttlMs?: number;
  /** The common name of the client certificate that a peer must show too. */
  readonly certificateName?: string;
  /** Makes a join token: the number of its uses, and the lifetime of each credential that a use makes. Default: none. */
  readonly join?: { readonly uses: number; readonly credentialSeconds?: number };
}

/** The request for these options. */
export function requestOf(options: TokenOptions): CreateCredentialRequest {
  const { name, rights, ttlMs, certificateName = '', join } = options;
  const preset = options.preset ?? (rights ? undefined : 'operator');
  return CreateCredentialRequest.fromPartial({
    name,
    preset: preset ? presetNumbers[preset] : CredentialPreset.UNSPECIFIED,
    rights,
    ttl: ttlMs === undefined ? undefined : durationOf(ttlMs),
    certificateName,
    join,
  });
}
