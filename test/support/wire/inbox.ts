/** Collects events, and resolves when there are enough. */
import type { ReceivedEvent } from '../../../client/index.js';

export class Inbox<T = ReceivedEvent> {
  readonly events: T[] = [];
  #waiting: { count: number; resolve: () => void } | undefined;

  readonly take = (event: T): void => {
    this.events.push(event);
    if (this.#waiting && this.events.length >= this.#waiting.count) this.#waiting.resolve();
  };

  async atLeast(count: number): Promise<T[]> {
    if (this.events.length < count) {
      await new Promise<void>((resolve) => (this.#waiting = { count, resolve }));
    }
    return this.events;
  }
}
