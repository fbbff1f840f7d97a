/** A list for many calls of `shift`: it frees the space of shifted elements in bulk, not one by one. */
export class Shifting<T> {
  #all: (T | undefined)[] = [];
  #start = 0;

  get size(): number {
    return this.#all.length - this.#start;
  }

  get newest(): T | undefined {
    return this.#all[this.#all.length - 1];
  }

  at(index: number): T | undefined {
    return this.#all[this.#start + index];
  }

  push(element: T): void {
    this.#all.push(element);
  }

  shift(): void {
    this.#all[this.#start++] = undefined;
    if (this.#start <= 1024 || this.#start <= this.#all.length / 2) return;
    this.#all = this.#all.slice(this.#start);
    this.#start = 0;
  }

  set(index: number, element: T): void {
    this.#all[this.#start + index] = element;
  }

  /** Keeps only the elements for which `wanted` is true. */
  keep(wanted: (element: T, index: number) => boolean): void {
    const all = this.#all.slice(this.#start) as T[];
    this.#all = all.filter(wanted);
    this.#start = 0;
  }

  /** The index of the first element for which `holds` is true, or `size`. It must be true for all later ones too. */
  find(holds: (element: T) => boolean): number {
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const element = this.at(middle);
      if (element && holds(element)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
