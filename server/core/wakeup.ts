/**
 * Wakes one sleeper at the end of the tick, so that all that becomes ready in a tick travels
 * together. A ring while nobody sleeps is remembered: the next sleep ends at once, so a sleeper that
 * looks before it sleeps misses nothing, whatever it awaits in between.
 */
export class Alarm {
  #rung = false;
  #wake: (() => void) | undefined;

  readonly ring = (): void => {
    const wake = this.#wake;
    this.#wake = undefined;
    if (wake) setImmediate(wake);
    else this.#rung = true;
  };

  sleep(): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#rung) this.#wake = resolve;
      else {
        this.#rung = false;
        resolve();
      }
    });
  }
}
