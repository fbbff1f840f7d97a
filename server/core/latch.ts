/** Callers wait until `open` is called. One call lets all waiting callers go on; later callers wait for the next. */
export class Latch {
  #waiting: { promise: Promise<void>; open: () => void } | undefined;

  wait(): Promise<void> {
    if (!this.#waiting) {
      let open = (): void => undefined;
      const promise = new Promise<void>((resolve) => (open = resolve));
      this.#waiting = { promise, open };
    }
    return this.#waiting.promise;
  }

  open(): void {
    this.#waiting?.open();
    this.#waiting = undefined;
  }
}
