/** The credentials of a coordinator in memory, as they are stored now, and how a peer's credential is found. */
import { timingSafeEqual } from 'node:crypto';
import { StoredCredential } from '../../gen/ts/kelpie/storage/v1/credential.js';
import { type Credential, Rights } from '../../gen/ts/kelpie/v1/access.js';
import { SortedSet } from '../core/sorted-set.js';
import type { StoredRecord } from '../journal/credential-store.js';
import { GrantedRights } from './rights.js';
import { idOf, randomId } from './token.js';

/** A token of a credential, as accesses see it: it changes with its credential. */
export interface LiveToken {
  readonly hash: Uint8Array;
  readonly credential: LiveCredential;
  /** When it ends, by the wall clock; Infinity: with the credential. 0: the credential does not have it any more. */
  expiresAtMs: number;
}

const NO_RIGHTS = new GrantedRights(Rights.create());

/** A credential, as accesses see it: an access keeps it, and so it always sees the newest facts. */
export class LiveCredential {
  readonly id: string;
  readonly tokens: LiveToken[] = [];
  revision = 0;
  revoked = false;
  stored!: Credential;
  /** The rights of its peers: those of a join token are not its own. */
  rights = NO_RIGHTS;
  /** When it expires, by the wall clock; Infinity: never. */
  expiresAtMs = Infinity;

  constructor(id: string) {
    this.id = id;
  }

  get network(): string {
    return this.stored.network;
  }

  /** Where it stands in the order of lists. */
  get place(): string {
    return `${this.stored.network}\0${this.stored.name}\0${this.id}`;
  }

  /** Takes the stored facts. */
  take({ credential, tokens }: StoredCredential, revision: number): void {
    const stored = credential;
    if (!stored) throw new Error(`the record of the credential ${this.id} is empty`);
    this.stored = stored;
    this.revision = revision;
    this.rights = stored.join ? NO_RIGHTS : new GrantedRights(stored.rights ?? Rights.create());
    this.expiresAtMs = stored.expireTime?.getTime() ?? Infinity;
    const former = this.tokens.splice(0);
    for (const token of former) token.expiresAtMs = 0;
    for (const { hash, expireTimeMs } of tokens) {
      const known = former.find((one) => Buffer.compare(one.hash, hash) === 0);
      const live = known ?? { hash, credential: this, expiresAtMs: 0 };
      live.expiresAtMs = expireTimeMs === 0 ? Infinity : expireTimeMs;
      this.tokens.push(live);
    }
  }

  /** The record with its tokens, to change it. */
  get record(): StoredCredential {
    const tokens = this.tokens.map(({ hash, expiresAtMs }) => ({
      hash,
      expireTimeMs: expiresAtMs === Infinity ? 0 : expiresAtMs,
    }));
    return { credential: this.stored, tokens };
  }

  /** As peers get it. */
  get shown(): Credential {
    const [, ...older] = this.tokens;
    return {
      ...this.stored,
      hasToken: this.tokens.length > 0,
      oldTokenExpireTimes: older.map(({ expiresAtMs }) => new Date(expiresAtMs)),
    };
  }
}

/** Compared with the hash of a token that is unknown, so that every look-up has the same work. */
const NOBODY = new Uint8Array(32);

export class LiveCredentials {
  readonly #byId = new Map<string, LiveCredential>();
  /** By the id of their hashes. Two hashes may have one. */
  readonly #tokens = new Map<string, LiveToken[]>();
  /** Those without a token, by the name of their certificate. */
  readonly #certificates = new Map<string, LiveCredential[]>();
  readonly #places = new SortedSet();
  /** The number of credentials of each network that has some. */
  readonly #sizes = new Map<string, number>();

  get size(): number {
    return this.#byId.size;
  }

  sizeOf(network: string): number {
    return this.#sizes.get(network) ?? 0;
  }

  /** The networks that have credentials, with this one. */
  networksWith(network: string): number {
    return this.#sizes.size + (this.#sizes.has(network) ? 0 : 1);
  }

  get all(): Iterable<LiveCredential> {
    return this.#byId.values();
  }

  get(id: string): LiveCredential | undefined {
    return this.#byId.get(id);
  }

  /** An id for a credential whose hash its node chose: the first digits of that may be the id of another one. */
  freeId(): string {
    const id = randomId();
    return this.#byId.has(id) ? this.freeId() : id;
  }

  /** Takes a record that was written, unless a newer one is here. */
  take({ id, bytes, revision }: StoredRecord): void {
    const known = this.#byId.get(id);
    if (known && known.revision >= revision) return;
    const stored = StoredCredential.decode(bytes);
    const credential = known ?? new LiveCredential(id);
    if (known) this.#unindex(known);
    credential.take(stored, revision);
    this.#byId.set(id, credential);
    this.#index(credential);
  }

  /** Takes a credential out: its peers see that it was revoked. */
  remove(credential: LiveCredential): void {
    this.#unindex(credential);
    this.#byId.delete(credential.id);
    credential.revoked = true;
  }

  /** The token with this hash. */
  token(hash: Uint8Array): LiveToken | undefined {
    let found: LiveToken | undefined;
    let compared: readonly Pick<LiveToken, 'hash'>[] = this.#tokens.get(idOf(hash)) ?? [];
    if (compared.length === 0) compared = [{ hash: NOBODY }];
    for (const one of compared) {
      if (timingSafeEqual(one.hash, hash)) found = one as LiveToken;
    }
    return found;
  }

  /** The credentials without a token whose peers show a certificate with this name. */
  ofCertificate(name: string): readonly LiveCredential[] {
    return this.#certificates.get(name) ?? [];
  }

  /** The places of a network's credentials after one of them, in the order of lists, without the network's name. */
  *placesAfter(network: string, place: string): Generator<string> {
    const prefix = `${network}\0`;
    for (const one of this.#places.after(prefix + place)) {
      if (!one.startsWith(prefix)) return;
      yield one.slice(prefix.length);
    }
  }

  #index(credential: LiveCredential): void {
    this.#places.add(credential.place);
    this.#sizes.set(credential.network, this.sizeOf(credential.network) + 1);
    for (const token of credential.tokens) add(this.#tokens, idOf(token.hash), token);
    const name = certificateOf(credential);
    if (name !== undefined) add(this.#certificates, name, credential);
  }

  #unindex(credential: LiveCredential): void {
    this.#places.delete(credential.place);
    const rest = this.sizeOf(credential.network) - 1;
    if (rest > 0) this.#sizes.set(credential.network, rest);
    else this.#sizes.delete(credential.network);
    for (const token of credential.tokens) remove(this.#tokens, idOf(token.hash), token);
    const name = certificateOf(credential);
    if (name !== undefined) remove(this.#certificates, name, credential);
  }
}

/** The name of the certificate that alone shows who the peer is. */
function certificateOf({ tokens, stored }: LiveCredential): string | undefined {
  return tokens.length === 0 && stored.certificateName !== '' ? stored.certificateName : undefined;
}

function add<Item>(lists: Map<string, Item[]>, key: string, item: Item): void {
  const list = lists.get(key);
  if (list) list.push(item);
  else lists.set(key, [item]);
}

function remove<Item>(lists: Map<string, Item[]>, key: string, item: Item): void {
  const rest = lists.get(key)?.filter((one) => one !== item) ?? [];
  if (rest.length > 0) lists.set(key, rest);
  else lists.delete(key);
}
