/** A sorted set of names that can be read from any name on: the cost of a page does not grow with the names before it. */

/** Names in a chunk: few enough that an insert is cheap, many enough that a million names need few chunks. */
const CHUNK = 512;

/** The last version that any set got. No two states of any sets share a version. */
let versions = 0;

export class SortedSet implements Iterable<string> {
  /** Each chunk is sorted and not empty; the chunks are in order. */
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

  /** A number that changes with each change of the set. */
  get version(): number {
    return this.#version;
  }

  [Symbol.iterator](): Generator<string> {
    return this.after('');
  }

  /** The names after `name`, in order. The set may change meanwhile: the iteration goes on after its last name. */
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

  /** The names that begin with `prefix`, in order. */
  *beginning(prefix: string): Generator<string> {
    if (prefix !== '' && this.has(prefix)) yield prefix;
    for (const name of this.after(prefix)) {
      if (!name.startsWith(prefix)) return;
      yield name;
    }
  }

  /** The chunk and the index at which the name stands, or belongs. */
  #place(name: string): [at: number, index: number] {
    const beyond = firstIndex(this.#chunks.length, (one) => (this.#chunks[one]?.[0] ?? '') > name);
    const at = Math.max(0, beyond - 1);
    const chunk = this.#chunks[at] ?? [];
    return [at, firstIndex(chunk.length, (one) => (chunk[one] ?? '') >= name)];
  }
}

/** The first index for which `holds` is true; `count` if there is none. `holds` must be true for all later indexes too. */
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
