/** Choices of a run, which repeat with its seed. */
import { randomInt } from 'node:crypto';

export class Choices {
  /** The seed; print it, so that the same choices can be made again. */
  readonly seed: number;
  #state: number;

  constructor(seed = randomInt(2 ** 31)) {
    this.seed = seed;
    this.#state = seed;
  }

  /** A whole number from 0 up to and without `bound`: the generator mulberry32. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  }

  of<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('there is nothing to choose from');
    return item;
  }
}
