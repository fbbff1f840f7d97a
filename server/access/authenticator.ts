/** Finds the credential of a peer, or the error that keeps the peer out. */
import type { Clock } from '../core/clock.js';
import type { KelpieError, ReasonName } from '../core/errors.js';
import { MAIN } from '../core/network-name.js';
import {
  type Access,
  type Authorize,
  openAccess,
  type Visitor,
  type VisitorCertificate,
} from './access.js';
import { AccessEnds } from './ends.js';
import {
  certificateExpired,
  credentialExpired,
  credentialInvalid,
  credentialRequired,
  credentialRevoked,
  tokenExpired,
} from './errors.js';
import { AuthenticationFailures } from './failures.js';
import type { LiveCredential, LiveCredentials, LiveToken } from './live.js';
import { rightMissing } from './rights.js';
import { hashOf } from './token.js';

/** A peer that the coordinator did not let in. */
export interface RefusedPeer {
  readonly host: string;
  readonly reason: ReasonName;
  /** The id of the credential, if the peer has shown that it has it. */
  readonly credential: string | undefined;
}

/** Hears of refused peers. It must not wait. */
export type RefusalObserver = (refused: RefusedPeer) => void;

/** The credential that a peer showed, by a token or by its certificate. */
interface Shown {
  readonly credential: LiveCredential;
  readonly token?: LiveToken;
  readonly certificate: VisitorCertificate | undefined;
}

export class Authenticator {
  readonly #live: LiveCredentials;
  readonly #catchUp: () => Promise<void>;
  readonly #clock: Clock;
  readonly #onRefused: RefusalObserver;
  readonly #ends: AccessEnds;
  readonly #failures: AuthenticationFailures;
  /** Whether the coordinator asks for credentials. It never stops to. */
  asks = false;

  /** `catchUp` reads the credentials that other processes have made. */
  constructor(
    live: LiveCredentials,
    catchUp: () => Promise<void>,
    clock: Clock,
    onRefused: RefusalObserver,
    onFault: (error: unknown) => void,
  ) {
    this.#live = live;
    this.#catchUp = catchUp;
    this.#clock = clock;
    this.#onRefused = onRefused;
    this.#ends = new AccessEnds(clock, onFault);
    this.#failures = new AuthenticationFailures(clock);
  }

  /** A peer may show a credential that another process made just now. The refusal would end its client for ever. */
  readonly authorize: Authorize = (visitor) => {
    if (showsNothing(visitor) || this.#shown(visitor)) return this.#judge(visitor);
    // If the store has a fault, it reports that itself: it looks once a second too.
    return this.#catchUp().then(
      () => this.#judge(visitor),
      () => this.#judge(visitor),
    );
  };

  #judge(visitor: Visitor): Access | Promise<Access> {
    if (!this.asks) return this.#withoutCredential(visitor);
    const shown = this.#shown(visitor);
    const fault = shown ? this.#fault(shown, visitor) : refusal(visitor);
    if (shown && !fault) return this.#accessOf(shown, visitor.host);
    const error = fault ?? credentialInvalid();
    // Only the holder of an expired credential gets to that error.
    const credential = error.reason === 'CREDENTIAL_EXPIRED' ? shown?.credential.id : undefined;
    this.#onRefused({ host: visitor.host, reason: error.reason, credential });
    return this.#failures.refuse(visitor.host, error);
  }

  close(): void {
    this.#ends.close();
    this.#failures.close();
  }

  /** A token counts alone: a peer whose token is wrong is not found by its certificate. */
  #shown({ token, certificate }: Visitor): Shown | undefined {
    if (token !== undefined) {
      const hash = hashOf(token);
      const found = hash && this.#live.token(hash);
      return found && { credential: found.credential, token: found, certificate };
    }
    if (certificate === undefined) return undefined;
    const all = this.#live.ofCertificate(certificate.name);
    const open = all.filter((one) => one.expiresAtMs > this.#clock.wall());
    const [credential, ...others] = open.length > 0 ? open : all;
    return credential && others.length === 0 ? { credential, certificate } : undefined;
  }

  #fault(shown: Shown, { certificate }: Visitor): KelpieError | undefined {
    const wanted = shown.credential.stored.certificateName;
    if (wanted !== '' && wanted !== certificate?.name) return credentialInvalid();
    return this.#ended(shown);
  }

  /** Why a credential that was good is not good any more. */
  #ended(shown: Shown): KelpieError | undefined {
    const { credential, token } = shown;
    if (credential.revoked) return credentialRevoked();
    const nowMs = this.#clock.wall();
    if (nowMs >= credential.expiresAtMs) return credentialExpired();
    if (!(nowMs < certificateEndOf(shown))) return certificateExpired();
    return token && nowMs >= token.expiresAtMs ? tokenExpired() : undefined;
  }

  #accessOf(shown: Shown, address: string): Access {
    const { credential } = shown;
    const ended = (): KelpieError | undefined => this.#ended(shown);
    return {
      network: credential.network,
      address,
      credential: { id: credential.id, name: credential.stored.name },
      joinToken: credential.stored.join !== undefined,
      get expiresAtMs() {
        const endMs = endOf(shown);
        return endMs === Infinity ? undefined : endMs;
      },
      may: (right) => credential.rights.grant(right) && !ended(),
      require: (...rights) => {
        const [first, ...others] = rights.filter((right) => !credential.rights.grant(right));
        const error = ended() ?? (first && rightMissing(first, ...others));
        if (error) throw error;
      },
      onEnd: (report) => this.#ends.watch(ended, report),
    };
  }

  /** Everything is allowed until the coordinator has its first credential. */
  #withoutCredential(visitor: Visitor): Access {
    const ended = (): KelpieError | undefined => (this.asks ? credentialRequired() : undefined);
    return {
      ...openAccess(MAIN, visitor),
      may: () => !this.asks,
      require: () => {
        if (this.asks) throw credentialRequired();
      },
      onEnd: (report) => this.#ends.watch(ended, report),
    };
  }
}

function endOf(shown: Shown): number {
  const { credential, token } = shown;
  const endMs = Math.min(credential.expiresAtMs, token?.expiresAtMs ?? Infinity);
  return Math.min(endMs, certificateEndOf(shown));
}

/** A credential that demands a certificate ends with it. */
function certificateEndOf({ credential, certificate }: Shown): number {
  if (credential.stored.certificateName === '' || !certificate) return Infinity;
  return certificate.expiresAtMs;
}

function showsNothing({ token, certificate }: Visitor): boolean {
  return token === undefined && certificate === undefined;
}

function refusal(visitor: Visitor): KelpieError {
  return showsNothing(visitor) ? credentialRequired() : credentialInvalid();
}
