/** The credentials of a coordinator: who has which, and how they are made, changed and revoked. */
import { StoredCredential } from '../../gen/ts/kelpie/storage/v1/credential.js';
import { Credential, Rights } from '../../gen/ts/kelpie/v1/access.js';
import type {
  CreateCredentialRequest,
  CreateCredentialResponse,
  RotateCredentialRequest,
} from '../../gen/ts/kelpie/v1/access_service.js';
import { type Cancel, type Clock, every } from '../core/clock.js';
import { ID_BYTES } from '../core/cursor.js';
import { msOf } from '../core/duration.js';
import { KelpieError, outOfRange } from '../core/errors.js';
import { SharedTurn } from '../core/fair-turn.js';
import type { CredentialStore } from '../journal/credential-store.js';
import type { Limits } from '../network/limits.js';
import { type Page, pageOf, type PageRequest } from '../network/pages.js';
import { Authenticator, type RefusalObserver } from './authenticator.js';
import { checkGranted, checkLifetime, credentialFor, type Granter, joined } from './draft.js';
import { credentialExpired, credentialNotFound, credentialRequired } from './errors.js';
import { type LiveCredential, LiveCredentials } from './live.js';
import type { MachineAct } from './machine-acts.js';
import { CredentialRecords } from './records.js';
import { rightsInvalid } from './rights-check.js';
import { checkRoom } from './room.js';
import { GrantedRights, rightMissing } from './rights.js';
import { hashed, hashOf, idOf, newToken, randomId } from './token.js';

const DAY_MS = 86_400_000;
/** How long expired credentials stay, for people who look for them. */
const KEPT_MS = 7 * DAY_MS;
const OVERLAP_MS = DAY_MS;
const LONGEST_OVERLAP_MS = 30 * DAY_MS;
const TOKENS = 8;
const PURGE_MS = 60_000;
const EXPIRED = 'the credential has expired; make a new one, and revoke this one';
const HASH_BYTES = 32;
/** The position of each page: credentials are not in the journal. */
const NOWHERE = { epoch: new Uint8Array(ID_BYTES), sequence: 0, tag: 0 };

export interface CredentialOptions {
  readonly clock: Clock;
  readonly limits: Pick<Limits, 'credentials'>;
  readonly onFault: (error: unknown) => void;
  readonly onRefused?: RefusalObserver;
  /** Called with the changes that other processes make. */
  readonly onMachine?: (act: MachineAct) => void;
}

export class Credentials {
  readonly #live: LiveCredentials;
  readonly #records: CredentialRecords;
  readonly #authenticator: Authenticator;
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #searches: SharedTurn;
  readonly #purges: Cancel;

  private constructor(store: CredentialStore, options: CredentialOptions) {
    const { clock, limits, onFault } = options;
    const { onRefused = () => undefined, onMachine = () => undefined } = options;
    const live = (this.#live = new LiveCredentials());
    const catchUp = (): Promise<void> => this.#records.catchUp();
    const authenticator = new Authenticator(live, catchUp, clock, onRefused, onFault);
    this.#authenticator = authenticator;
    const onUsed = (): void => void (authenticator.asks = true);
    this.#records = new CredentialRecords(store, live, onUsed, onFault, onMachine);
    this.#clock = clock;
    this.#limit = limits.credentials;
    this.#searches = new SharedTurn(clock);
    this.#purges = every(clock, PURGE_MS, () => void this.#purge().catch(onFault));
  }

  /** Loads the credentials. Closes the store if that fails. */
  static async open(store: CredentialStore, options: CredentialOptions): Promise<Credentials> {
    const credentials = new Credentials(store, options);
    try {
      await credentials.#records.load();
      return credentials;
    } catch (error) {
      await credentials.close();
      throw error;
    }
  }

  /** Whether the coordinator asks every peer for a credential. */
  get asks(): boolean {
    return this.#authenticator.asks;
  }

  get authorize(): Authenticator['authorize'] {
    return this.#authenticator.authorize;
  }

  /** Throws RIGHTS_INVALID, RIGHT_MISSING, OUT_OF_RANGE or CREDENTIAL_LIMIT. */
  async create(
    request: CreateCredentialRequest,
    granter: Granter,
  ): Promise<CreateCredentialResponse> {
    const token = request.withoutToken ? '' : newToken();
    const hash = hashOf(token);
    const id = hash ? idOf(hash) : randomId();
    return this.#records.changing('change', () => {
      const draft = credentialFor(request, granter, this.#clock.wall());
      checkRoom(this.#live, granter.network, this.#limit);
      if (!hash) this.#checkCertificate(draft.certificateName);
      if (this.#live.get(id)) throw new Error(`the id ${id} was drawn twice`);
      const tokens = hash ? [{ hash, expireTimeMs: 0 }] : [];
      return {
        changes: [change({ ...draft, id }, tokens, 0)],
        result: () => ({ credential: this.#shown(id), token }),
      };
    });
  }

  /** Throws CREDENTIAL_NOT_FOUND. */
  get(network: string, id: string): Credential {
    return this.#find(network, id).shown;
  }

  /** In the order of their names. Throws PAGE_TOKEN_INVALID or OUT_OF_RANGE. */
  list(network: string, request: PageRequest, asker?: unknown): Promise<Page<Credential>> {
    const listing = {
      after: (place: string) => this.#live.placesAfter(network, place),
      item: (place: string) => {
        const one = this.#at(place);
        return one && this.#isKept(one) ? one.shown : undefined;
      },
      bytesOf: (one: Credential) => Credential.encode(one).finish().length,
    };
    return this.#searches.work(pageOf(listing, NOWHERE, request, 'credentials'), asker);
  }

  /** The credentials of a network that may manage credentials and never expire: the first ones by their names. */
  endlessOperators(network: string, most: number, asker?: unknown): Promise<Credential[]> {
    const right = { kind: 'verb', verb: 'MANAGE_CREDENTIALS' } as const;
    const places = this.#live.placesAfter(network, '');
    const at = (place: string): LiveCredential | undefined => this.#at(place);
    return this.#searches.work(
      (function* () {
        const found: Credential[] = [];
        for (const place of places) {
          yield;
          const one = at(place);
          if (one?.expiresAtMs === Infinity && one.rights.grant(right)) found.push(one.shown);
          if (found.length === most) break;
        }
        return found;
      })(),
      asker,
    );
  }

  /** Revokes a credential, and returns it as it was. Throws CREDENTIAL_NOT_FOUND or RIGHT_MISSING. */
  async revoke(id: string, granter: Granter): Promise<Credential> {
    const decide = () => {
      const credential = this.#find(granter.network, id);
      const was = credential.shown;
      checkGranted(was.rights ?? Rights.create(), granter);
      return { changes: [deletion(credential)], result: () => was };
    };
    // Another coordinator may have made it a moment ago.
    if (!this.#live.get(id)) await this.#records.catchUp();
    // A request that fails anyway does not wait before others.
    decide();
    return this.#records.changing('revocation', decide);
  }

  /** Throws CREDENTIAL_NOT_FOUND, RIGHT_MISSING, RIGHTS_INVALID or OUT_OF_RANGE. */
  async rotate(
    { id, overlap }: RotateCredentialRequest,
    granter: Granter,
  ): Promise<{ credential: Credential; token: string }> {
    const overlapMs = overlap ? msOf(overlap) : OVERLAP_MS;
    if (overlapMs < 0 || overlapMs > LONGEST_OVERLAP_MS) {
      throw outOfRange('overlap', LONGEST_OVERLAP_MS, 'an overlap is 0 s to 30 days');
    }
    const token = newToken();
    return this.#records.changing('change', () => {
      const { stored, record, revision, expiresAtMs } = this.#find(granter.network, id);
      checkGranted(stored.rights ?? Rights.create(), granter);
      checkLifetime(expiresAtMs, granter);
      if (expiresAtMs <= this.#clock.wall()) throw rightsInvalid('id', EXPIRED);
      if (record.tokens.length === 0) {
        throw rightsInvalid('id', 'the credential has no token; its peers show a certificate');
      }
      const endMs = Math.round(this.#clock.wall() + overlapMs);
      const older = record.tokens.map(({ hash, expireTimeMs }) => ({
        hash,
        expireTimeMs: expireTimeMs === 0 ? endMs : Math.min(expireTimeMs, endMs),
      }));
      const tokens = [{ hash: hashed(token), expireTimeMs: 0 }, ...older].slice(0, TOKENS);
      const changes = [change(stored, tokens, revision)];
      return { changes, result: () => ({ credential: this.#shown(id), token }) };
    });
  }

  /**
   * Makes the credential of a node that shows a join token, with a token of which it sends the hash. A repetition
   * returns the same credential. Throws CREDENTIAL_REQUIRED, CREDENTIAL_EXPIRED, JOIN_TOKEN_USED, RIGHT_MISSING, RIGHTS_INVALID or
   * CREDENTIAL_LIMIT.
   */
  async join(joinId: string | undefined, name: string, hash: Uint8Array): Promise<Credential> {
    if (hash.length !== HASH_BYTES) {
      throw rightsInvalid('token_hash', 'token_hash is the SHA-256 of the token: 32 bytes');
    }
    return this.#records.changing('change', () => {
      const join = this.#live.get(joinId ?? '');
      const terms = join?.stored.join;
      if (!join || !terms) throw credentialRequired();
      if (this.#clock.wall() >= join.expiresAtMs) throw credentialExpired();
      const right = { kind: 'node', name } as const;
      const rights = new GrantedRights(join.stored.rights ?? Rights.create());
      if (!rights.grant(right)) throw rightMissing(right);
      const known = this.#joinedBefore(join.id, name, hash);
      if (known) return { changes: [], result: () => known };
      if (terms.uses === 0) {
        throw new KelpieError('JOIN_TOKEN_USED', 'the join token has no use left; ask for another');
      }
      checkRoom(this.#live, join.network, this.#limit);
      const credential = {
        ...joined(join.stored, name, this.#clock.wall()),
        id: this.#live.freeId(),
      };
      const rest = { ...join.stored, join: { ...terms, uses: terms.uses - 1 } };
      const changes = [
        change(rest, join.record.tokens, join.revision),
        change(credential, [{ hash, expireTimeMs: 0 }], 0),
      ];
      return { changes, result: () => this.#shown(credential.id) };
    });
  }

  /** Waits for writes under way, then closes the store. */
  async close(): Promise<void> {
    this.#purges();
    this.#authenticator.close();
    await this.#records.close();
  }

  #at(place: string): LiveCredential | undefined {
    return this.#live.get(place.slice(place.indexOf('\0') + 1));
  }

  #find(network: string, id: string): LiveCredential {
    const credential = this.#live.get(id);
    if (credential?.network === network && this.#isKept(credential)) return credential;
    throw credentialNotFound(id);
  }

  #shown(id: string): Credential {
    const credential = this.#live.get(id);
    // Another coordinator may have revoked it already.
    if (!credential) throw credentialNotFound(id);
    return credential.shown;
  }

  /** The credential that an earlier Join with this hash made. A hash that is used otherwise is refused. */
  #joinedBefore(joinId: string, name: string, hash: Uint8Array): Credential | undefined {
    const found = this.#live.token(hash)?.credential;
    if (found?.stored.joinedBy === joinId && found.stored.name === name) return found.shown;
    if (!found) return undefined;
    throw rightsInvalid('token_hash', 'the token_hash is taken; draw another token');
  }

  #isKept({ expiresAtMs }: LiveCredential): boolean {
    return expiresAtMs + KEPT_MS > this.#clock.wall();
  }

  /** A certificate that alone shows who a peer is must not stand for two credentials. */
  #checkCertificate(name: string): void {
    const nowMs = this.#clock.wall();
    if (!this.#live.ofCertificate(name).some(({ expiresAtMs }) => expiresAtMs > nowMs)) return;
    throw rightsInvalid(
      'certificate_name',
      'another credential without a token has this certificate_name; revoke that one first',
    );
  }

  /** Deletes the credentials that expired long ago. */
  async #purge(): Promise<void> {
    for (const credential of [...this.#live.all].filter((one) => !this.#isKept(one))) {
      await this.#records.changing('housekeeping', () => {
        const changes = credential.revoked ? [] : [deletion(credential)];
        return { changes, result: () => undefined };
      });
    }
  }
}

function change(credential: Credential, tokens: StoredCredential['tokens'], expected: number) {
  const bytes = StoredCredential.encode({ credential, tokens }).finish();
  return { id: credential.id, bytes, expected };
}

function deletion({ id, revision }: LiveCredential) {
  return { id, bytes: null, expected: revision };
}
