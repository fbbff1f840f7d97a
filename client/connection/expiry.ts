/** Warns some time before a credential expires, and with it the session. */
import type { Cancel, Clock } from '../core/clock.js';

const DAY_MS = 24 * 60 * 60 * 1000;
/** The warnings begin so long before the end. */
const BEFORE_MS = 7 * DAY_MS;

export class Expiry {
  readonly #clock: Clock;
  readonly #warn: (expiresInMs: number) => void;
  #timer: Cancel = () => undefined;

  constructor(clock: Clock, warn: (expiresInMs: number) => void) {
    this.#clock = clock;
    this.#warn = warn;
  }

  /** A session has begun: it warns now if the end is near, and once a day. Undefined: the credential never expires. */
  begin(expiresInMs: number | undefined): void {
    this.end();
    if (expiresInMs === undefined || expiresInMs <= 0) return;
    if (expiresInMs <= BEFORE_MS) this.#warn(expiresInMs);
    this.#timer = this.#clock.after(DAY_MS, () => this.begin(expiresInMs - DAY_MS));
  }

  /** The session has ended. */
  end(): void {
    this.#timer();
  }
}
