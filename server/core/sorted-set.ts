/** A set of names in their order, read from any place on: a page costs what is on it, not all before it. */

/** Small enough to shift, large enough that a million names need few. */
const CHUNK = 512;

/** No two states of any sets have the same number. */
let versions = 0;

export class SortedSet implements Iterable<string> {
  /** Each sorted, none empty, in order. */
  readonly #chunks: string[][] = [];
  #size = 0;
  #version = ++versions;

  constructor(names: Iterable<string> = []) {
    for (const name of names) this.add(name);
  }

  add(name: string): void {
    const [at, index] = this.#place(name);
    const chunk = this.#chunks[at];
    if (!chunk) this.#chunks.push([name]);
    else if (chunk[index] === name) return;
    else {
      chunk.splice(index, 0, name);
      if (chunk.length > CHUNK) this.#chunks.splice(at + 1, 0, chunk.splice(CHUNK / 2));
    }
    this.#size += 1;
    this.#version = ++versions;
  }

  delete(name: string): void {
    const [at, index] = this.#place(name);
    const chunk = this.#chunks[at];
    if (chunk?.[index] !== name) return;
    chunk.splice(index, 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
    this.#size -= 1;
    this.#version = ++versions;
  }

  has(name: string): boolean {
    const [at, index] = this.#place(name);
    return this.#chunks[at]?.[index] === name;
  }

  get size(): number {
    return this.#size;
  }

  /** Another number after each change. */
  get version(): number {
    return this.#version;
  }

  [Symbol.iterator](): Generator<string> {
    return this.after('');
  }

  /** The names after one, in order. Names may come and go meanwhile: it goes on from where it is. */
  *after(name: string): Generator<string> {
    let last = name;
    for (;;) {
      const version = this.#version;
      let [at, index] = this.#place(last);
      if (this.#chunks[at]?.[index] === last) index += 1;
      for (let chunk = this.#chunks[at]; chunk; chunk = this.#chunks[++at], index = 0) {
        for (; index < chunk.length && version === this.#version; index++) {
          last = chunk[index] ?? last;
          yield last;
        }
        if (version !== this.#version) break;
      }
      if (version === this.#version) return;
    }
  }

  /** The names that begin so, in order. */
  *beginning(prefix: string): Generator<string> {
    if (prefix !== '' && this.has(prefix)) yield prefix;
    for (const name of this.after(prefix)) {
      if (!name.startsWith(prefix)) return;
      yield name;
    }
  }

  /** Where a name is, or belongs: its chunk, and its place in it. */
  #place(name: string): [at: number, index: number] {
    const beyond = firstIndex(this.#chunks.length, (one) => (this.#chunks[one]?.[0] ?? '') > name);
    const at = Math.max(0, beyond - 1);
    const chunk = this.#chunks[at] ?? [];
    return [at, firstIndex(chunk.length, (one) => (chunk[one] ?? '') >= name)];
  }
}

/** The first of so many for which it holds, as for all after it; their number if for none. */
function firstIndex(count: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
