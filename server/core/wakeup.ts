/**
 * Wakes one waiter at the end of the tick, so that everything that becomes ready in one tick is sent together. If
 * nobody waits when `wake` is called, the next wait ends at once. So a waiter that looks before it waits misses
 * nothing, even if it awaits other things in between.
 */
export class Wakeup {
  #due = false;
  #waiter: (() => void) | undefined;

  readonly wake = (): void => {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter) setImmediate(waiter);
    else this.#due = true;
  };

  wait(): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#due) this.#waiter = resolve;
      else {
        this.#due = false;
        resolve();
      }
    });
  }
}
