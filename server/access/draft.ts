/** Checks a request for a credential, and makes the credential from it. Pure. */
import {
  type Credential,
  CredentialPreset,
  type JoinTerms,
  Rights,
} from '../../gen/ts/kelpie/v1/access.js';
import type { CreateCredentialRequest } from '../../gen/ts/kelpie/v1/access_service.js';
import { msOf, type WireDuration } from '../core/duration.js';
import { outOfRange } from '../core/errors.js';
import { foldNetworkName, MAIN } from '../core/network-name.js';
import { cutText } from '../core/text.js';
import type { Access, Right } from './access.js';
import { rightsFor } from './presets.js';
import { checkRights, rightsInvalid } from './rights-check.js';
import { rightsOf } from './rights.js';

/** The creator of credentials that are made on the machine of the coordinator. */
const MACHINE = 'kelpied';
const NAME = /^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$/;
const CERTIFICATE_NAME_BYTES = 64;
const SECOND_MS = 1000;
const DAY_MS = 86_400_000;
const LONGEST_MS = 3650 * DAY_MS;
const LONGEST_JOIN_MS = 7 * DAY_MS;
const MOST_USES = 10_000;

/** The maker of credentials: they cannot grant a right that they do not have. */
export interface Granter {
  readonly network: string;
  /** Stored as the creator. */
  readonly name: string;
  /** When their own credential or token ends, by the wall clock; undefined: never. Each credential that they make ends then too. */
  readonly expiresAtMs: number | undefined;
  /** Whether they work on the machine of the coordinator. */
  readonly onMachine: boolean;
  /** Throws RIGHT_MISSING, or the error for a granter whose own credential has ended. */
  require(right: Right): void;
}

/** The operator on the machine of the coordinator, who may do everything. Throws RIGHTS_INVALID for a bad name. */
export function machineOf(network: string): Granter {
  return {
    network: foldNetworkName(network),
    name: MACHINE,
    expiresAtMs: undefined,
    onMachine: true,
    require: () => undefined,
  };
}

/** A peer. Without a credential, at a coordinator that has none yet, they are nobody. */
export function granterOf(access: Access): Granter {
  return {
    network: access.network,
    name: access.credential?.name ?? '',
    expiresAtMs: access.expiresAtMs,
    onMachine: false,
    require: (right) => access.require(right),
  };
}

/** The credential without its id. Throws RIGHTS_INVALID, RIGHT_MISSING or OUT_OF_RANGE. */
export function credentialFor(
  request: CreateCredentialRequest,
  granter: Granter,
  nowMs: number,
): Omit<Credential, 'id'> {
  const name = checkedName(request.name);
  const { preset, certificateName, join } = request;
  const rights = rightsFor(preset, request.rights ?? Rights.create(), name);
  checkRights(rights);
  checkProof(request, granter);
  checkJoin(request, rights);
  checkGranted(rights, granter);
  const ttlMs = request.ttl && checkedTtl(request.ttl, join ? LONGEST_JOIN_MS : LONGEST_MS);
  return {
    name,
    network: granter.network,
    rights,
    preset: presetName(preset),
    createTime: new Date(nowMs),
    expireTime: dateOf(Math.min(nowMs + (ttlMs ?? Infinity), granter.expiresAtMs ?? Infinity)),
    createdBy: granter.name,
    certificateName,
    hasToken: false,
    oldTokenExpireTimes: [],
    join: join && { ...join, latestExpireTime: dateOf(granter.expiresAtMs ?? Infinity) },
    joinedBy: '',
  };
}

/** The credential that a join token makes. */
export function joined(join: Credential, name: string, nowMs: number): Omit<Credential, 'id'> {
  const { credentialSeconds: seconds = 0, latestExpireTime } = join.join ?? {};
  const endMs = seconds === 0 ? Infinity : nowMs + seconds * 1000;
  checkOwn(name);
  return {
    ...join,
    name,
    rights: { ...(join.rights ?? Rights.create()), nodeNames: [name] },
    createTime: new Date(nowMs),
    expireTime: dateOf(Math.min(endMs, latestExpireTime?.getTime() ?? Infinity)),
    createdBy: join.name,
    certificateName: '',
    join: undefined,
    joinedBy: join.id,
  };
}

/** Throws RIGHT_MISSING if the granter may not manage credentials, or does not have one of the rights. */
export function checkGranted(rights: Rights, granter: Granter): void {
  granter.require({ kind: 'verb', verb: 'MANAGE_CREDENTIALS' });
  for (const right of rightsOf(rights)) granter.require(right);
}

/** Throws RIGHTS_INVALID for a credential that outlives its granter: they cannot hand out a token of it. */
export function checkLifetime(expiresAtMs: number, granter: Granter): void {
  if (expiresAtMs <= (granter.expiresAtMs ?? Infinity)) return;
  throw rightsInvalid('id', 'the credential ends later than yours, so you cannot rotate it');
}

function dateOf(ms: number): Date | undefined {
  return ms === Infinity ? undefined : new Date(ms);
}

function checkProof(
  { certificateName, withoutToken, join }: CreateCredentialRequest,
  { network, onMachine }: Granter,
): void {
  if (Buffer.byteLength(certificateName) > CERTIFICATE_NAME_BYTES) {
    const what = `a certificate_name has at most ${CERTIFICATE_NAME_BYTES} bytes`;
    throw rightsInvalid('certificate_name', what, CERTIFICATE_NAME_BYTES);
  }
  if (!withoutToken) return;
  if (certificateName === '') {
    const what = 'a credential without a token needs a certificate_name';
    throw rightsInvalid('certificate_name', what);
  }
  // All networks share the names of certificates, so a network could take the names of another one.
  if (network !== MAIN && !onMachine) {
    const what = `only kelpied token makes a credential without a token for a network beside ${MAIN}`;
    throw rightsInvalid('without_token', what);
  }
  if (join)
    throw rightsInvalid('without_token', 'a join token is a token; leave without_token out');
}

function checkJoin({ join, ttl }: CreateCredentialRequest, rights: Rights): void {
  if (!join) return;
  checkTerms(join);
  if (!ttl) throw outOfRange('ttl', LONGEST_JOIN_MS, 'a join token needs a ttl of at most 7 days');
  if (rights.nodeNames.length > 0) return;
  throw rightsInvalid('node_names', 'a join token needs the names of the nodes that may join');
}

function checkTerms({ uses, credentialSeconds }: JoinTerms): void {
  if (uses < 1 || uses > MOST_USES)
    throw outOfRange('uses', MOST_USES, `a join token has 1 to ${MOST_USES} uses`);
  if (credentialSeconds * 1000 > LONGEST_MS)
    throw outOfRange('credential_seconds', LONGEST_MS / 1000, 'credentials last at most 10 years');
}

function checkedTtl(ttl: WireDuration, longestMs: number): number {
  const ms = msOf(ttl);
  if (ms >= SECOND_MS && ms <= longestMs) return ms;
  throw outOfRange('ttl', longestMs, `a ttl is 1 s to ${longestMs / DAY_MS} days`);
}

function checkedName(typed: string): string {
  const name = typed.toLowerCase();
  checkOwn(name);
  if (NAME.test(name)) return name;
  throw rightsInvalid(
    'name',
    `"${cutText(typed, 80)}" cannot be a name: 1 to 63 of a-z, 0-9, "_" and "-", ` +
      'beginning and ending with a letter or digit',
  );
}

/** Audit records and creators name the machine of the coordinator so, and nobody else. */
function checkOwn(name: string): void {
  if (name === MACHINE)
    throw rightsInvalid('name', `"${MACHINE}" stands for the machine of the coordinator`);
}

/** As people write it: `read-only`. */
function presetName(preset: CredentialPreset): string {
  if (preset === CredentialPreset.UNSPECIFIED) return '';
  const [name = ''] = Object.entries(CredentialPreset).find(([, one]) => one === preset) ?? [];
  return name.toLowerCase().replaceAll('_', '-');
}
