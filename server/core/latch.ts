/** A place to wait until somebody opens it. All that wait go on together; the next wait is a new one. */
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
