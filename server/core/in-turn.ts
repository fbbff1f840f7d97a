/** Work on one thing, one piece after another in the order in which it came; other things do not wait. */
export class InTurn {
  readonly #turns = new Map<string, Promise<unknown>>();

  async run<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const turn = (this.#turns.get(key) ?? Promise.resolve()).then(work);
    // A piece that fails is no fault of the next one.
    const settled = turn.catch(() => undefined);
    this.#turns.set(key, settled);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(key) === settled) this.#turns.delete(key);
    }
  }

  /** Things that are worked on. */
  get size(): number {
    return this.#turns.size;
  }
}
