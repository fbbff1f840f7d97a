/**
 * Wakes one waiter at the end of the tick, so that all that becomes ready in a tick travels together. A
 * wake that finds nobody waiting is remembered: the next wait ends at once. So a waiter that looks before
 * it waits misses nothing, whatever it awaits in between.
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
