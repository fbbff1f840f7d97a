/**
 * How many logins a proxy asks for at once. A coordinator takes so many of each proxy and refuses the others;
 * here they wait in their order, so that nobody is refused only because many come at once.
 */

/** Half of what the contract allows: a coordinator weighs a login by more than its bytes. */
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

  /** Asks now, or when there is room. */
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
