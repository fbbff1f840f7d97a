/** Runs works with the same key one after the other, in the order of the calls. Works with other keys do not wait. */
export class InTurn {
  readonly #turns = new Map<string, Promise<unknown>>();

  async run<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const turn = (this.#turns.get(key) ?? Promise.resolve()).then(work);
    // A work that fails does not stop the next one.
    const settled = turn.catch(() => undefined);
    this.#turns.set(key, settled);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(key) === settled) this.#turns.delete(key);
    }
  }

  /** The number of keys that have works. */
  get size(): number {
    return this.#turns.size;
  }
}
