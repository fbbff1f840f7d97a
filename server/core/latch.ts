/** Something to wait at until somebody opens it; everyone who waits goes on together. */
export class Gate {
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
