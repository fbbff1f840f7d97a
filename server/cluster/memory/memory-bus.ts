/** Messages between coordinators of one process. A message arrives in a later turn, as it does between processes. */
import { Listeners } from '../../core/listeners.js';
import type { Unsubscribe } from '../../journal/journal.js';
import type { Bus, BusMessage } from '../bus.js';

export class MemoryBus implements Bus {
  readonly #id: string;
  /** The buses of all coordinators, this one too. */
  readonly #all: Set<MemoryBus>;
  readonly #listeners = new Listeners<[BusMessage]>();

  constructor(id: string, all: Set<MemoryBus>) {
    this.#id = id;
    this.#all = all;
    all.add(this);
  }

  async send(to: string, bytes: Uint8Array): Promise<void> {
    this.#post((bus) => bus.#id === to, bytes);
  }

  async broadcast(bytes: Uint8Array): Promise<void> {
    this.#post((bus) => bus !== this, bytes);
  }

  #post(isFor: (bus: MemoryBus) => boolean, bytes: Uint8Array): void {
    // A copy, because the sender may use its buffer again.
    const message = { from: this.#id, bytes: bytes.slice(), ageMs: 0 };
    setImmediate(() => {
      for (const bus of this.#all) if (isFor(bus)) bus.#listeners.tell(message);
    });
  }

  onMessage(listener: (message: BusMessage) => void): Unsubscribe {
    return this.#listeners.add(listener);
  }

  async close(): Promise<void> {
    this.#all.delete(this);
  }
}
