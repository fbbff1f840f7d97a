interface Waiter<T> {
  matches: (entry: T) => boolean;
  resolve: (entry: T) => void;
  reject: (error: Error) => void;
}

const MAX_ENTRIES = 10_000;
const DEADLINE_MS = 30_000;

/** The things that a bot or a process saw, in order. A caller can wait for an entry, also one that came already. */
export class History<T> {
  readonly #waiters = new Set<Waiter<T>>();
  #entries: T[] = [];
  #dropped = 0;
  #ended: Error | undefined;

  /** The present end of the history. */
  get mark(): number {
    return this.#dropped + this.#entries.length;
  }

  add(entry: T): void {
    this.#entries.push(entry);
    if (this.#entries.length > MAX_ENTRIES) {
      this.#entries.shift();
      this.#dropped += 1;
    }
    for (const waiter of this.#waiters) {
      if (waiter.matches(entry)) waiter.resolve(entry);
    }
  }

  since(mark: number): T[] {
    return this.#entries.slice(Math.max(0, mark - this.#dropped));
  }

  /** Resolves with the first entry since the mark that matches. */
  waitFor(
    what: string,
    matches: (entry: T) => boolean,
    { since = 0, deadlineMs = DEADLINE_MS }: { since?: number; deadlineMs?: number } = {},
  ): Promise<T> {
    const found = this.since(since).find(matches);
    if (found !== undefined) return Promise.resolve(found);
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise<T>((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
      };
      const waiter: Waiter<T> = {
        matches,
        resolve: (entry) => {
          settle();
          resolve(entry);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      const timer = setTimeout(() => {
        waiter.reject(new Error(`waited ${deadlineMs / 1000} s for ${what}`));
      }, deadlineMs);
      this.#waiters.add(waiter);
    });
  }

  /** Ends the history: waiters reject at once, because no more entries will come. */
  end(reason: string): void {
    this.#ended = new Error(reason);
    for (const waiter of this.#waiters) waiter.reject(this.#ended);
  }
}
