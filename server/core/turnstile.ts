/**
 * Lets `each` callers through in one turn of the event loop, in the order of their calls. Later callers wait for
 * a later turn. For work that is short for one caller, and too long for many callers that come at once.
 */
export class Turnstile {
  readonly #each: number;
  #left: number;
  #waiting: (() => void)[] = [];
  #turning = false;

  constructor(each: number) {
    this.#each = each;
    this.#left = each;
  }

  pass(): Promise<void> {
    this.#turnNext();
    if (this.#left > 0) {
      this.#left -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #turnNext(): void {
    if (this.#turning) return;
    this.#turning = true;
    setImmediate(() => {
      this.#turning = false;
      const through = this.#waiting.splice(0, this.#each);
      this.#left = this.#each - through.length;
      if (through.length > 0) this.#turnNext();
      for (const go of through) go();
    });
  }
}
