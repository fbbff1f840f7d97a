/**
 * Bounds the logins that a proxy sends at once. A coordinator refuses logins above its own bound. Here they wait in
 * order instead, so that no login fails only because many come at once.
 */

/** Half of the contract's limits: a coordinator counts more for a login than its bytes. */
const LOGINS = 500;
const BYTES = 4 * 1024 * 1024;

interface Waiting {
  readonly bytes: number;
  readonly go: () => void;
}

export class LoginRoom {
  readonly #waiting: Waiting[] = [];
  #logins = 0;
  #bytes = 0;

  /** Calls `ask` now, or when there is room. */
  async run<Result>(bytes: number, ask: () => Promise<Result>): Promise<Result> {
    if (this.#full) await new Promise<void>((go) => this.#waiting.push({ bytes, go }));
    else this.#enter(bytes);
    try {
      return await ask();
    } finally {
      this.#leave(bytes);
    }
  }

  get #full(): boolean {
    return this.#logins >= LOGINS || this.#bytes >= BYTES;
  }

  #enter(bytes: number): void {
    this.#logins += 1;
    this.#bytes += bytes;
  }

  #leave(bytes: number): void {
    this.#logins -= 1;
    this.#bytes -= bytes;
    while (!this.#full) {
      const next = this.#waiting.shift();
      if (!next) return;
      this.#enter(next.bytes);
      next.go();
    }
  }
}
