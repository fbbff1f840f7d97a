/** Takes new certificates from their files while the coordinator runs. */
import { type Certificates, readCertificates, type TlsOptions } from '../../core/certificates.js';
import type { Cancel, Clock } from '../../core/clock.js';
import type { Logger } from '../log/log.js';

/** A look reads a few kilobytes. It works on every file system, which notices of changes do not. */
const LOOK_MS = 1000;
const DAY_MS = 86_400_000;
/** The log warns so long before the end of a certificate, once a day. */
const WARNED_MS = 14 * DAY_MS;

/** The parts that a renewal uses. */
interface RenewalParts {
  readonly clock: Clock;
  readonly logger: Logger | undefined;
  /** Takes the new certificates for handshakes to come. */
  readonly edge: { readonly renew: (certificates: Certificates) => void };
}

/** Looks at the files again and again. The present certificates stay until new ones fit together. */
export class Renewal {
  readonly #options: TlsOptions;
  readonly #parts: RenewalParts;
  #current: Certificates;
  /** Why the last look found no certificates that fit, and whether the log has it. */
  #failure: { readonly message: string; logged: boolean } | undefined;
  /** When the log may warn of the end of the present certificate. */
  #warnsAtMs = 0;
  #cancel: Cancel = () => undefined;
  #closed = false;

  constructor(options: TlsOptions, current: Certificates, parts: RenewalParts) {
    this.#options = options;
    this.#current = current;
    this.#parts = parts;
    this.#warn();
    this.#later();
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  get expiresAtMs(): number {
    return this.#current.expiresAtMs;
  }

  #later(): void {
    if (this.#closed) return;
    this.#cancel = this.#parts.clock.after(LOOK_MS, () => void this.#look());
  }

  async #look(): Promise<void> {
    try {
      const found = await readCertificates(this.#options);
      const isNew = isOther(found, this.#current);
      if (isNew) this.#checkValid(found);
      this.#failure = undefined;
      if (!this.#closed && isNew) this.#take(found);
      this.#warn();
    } catch (error) {
      this.#fail((error as Error).message);
    }
    this.#later();
  }

  /** No client connects to a certificate that is not valid now, so the former one is better. */
  #checkValid(found: Certificates): void {
    const fault = this.#faultOf(found);
    if (fault !== undefined) throw new RangeError(`the certificate ${fault}`);
  }

  #faultOf({ startsAtMs, expiresAtMs }: Certificates): string | undefined {
    const nowMs = this.#parts.clock.wall();
    if (nowMs >= expiresAtMs) return `has expired at ${new Date(expiresAtMs).toISOString()}`;
    if (nowMs >= startsAtMs) return undefined;
    return `is not valid before ${new Date(startsAtMs).toISOString()}`;
  }

  #warn(): void {
    const nowMs = this.#parts.clock.wall();
    const { serial, expiresAtMs } = this.#current;
    const soon = expiresAtMs - nowMs < WARNED_MS ? 'expires soon' : undefined;
    const reason = this.#faultOf(this.#current) ?? soon;
    if (reason === undefined || nowMs < this.#warnsAtMs) return;
    this.#warnsAtMs = nowMs + DAY_MS;
    const expires = new Date(expiresAtMs).toISOString();
    this.#parts.logger?.warn({ serial, expires, reason }, 'renew the certificate');
  }

  #take(found: Certificates): void {
    this.#parts.edge.renew(found);
    this.#current = found;
    this.#warnsAtMs = 0;
    const { serial, expiresAtMs } = found;
    const expires = new Date(expiresAtMs).toISOString();
    this.#parts.logger?.info({ serial, expires }, 'new certificates are in use');
  }

  /** Somebody may be about to write the second of two files. So the first look that fails is not logged. */
  #fail(message: string): void {
    const before = this.#failure;
    if (before?.message !== message) {
      this.#failure = { message, logged: false };
      return;
    }
    if (before.logged) return;
    before.logged = true;
    this.#parts.logger?.error(
      { reason: message },
      'the new certificates cannot be used; the former ones stay in use',
    );
  }
}

function isOther(one: Certificates, other: Certificates): boolean {
  return one.cert !== other.cert || one.key !== other.key || one.ca !== other.ca;
}
