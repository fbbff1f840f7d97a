/** The engine of a simulation: one store, the list of coordinators, and the messages between them. */
import type { Bus, BusMessage } from '../../../server/cluster/bus.js';
import type { CoordinatorFacts, Membership } from '../../../server/cluster/membership.js';
import { Listeners } from '../../../server/core/listeners.js';
import type { Scheduler } from '../scheduler.js';
import type { Link } from './link.js';
import { Store } from './store.js';

interface Box {
  readonly link: Link;
  readonly listeners: Listeners<[BusMessage]>;
}

export class Engine {
  readonly store: Store;
  /** The messages between coordinators that are lost, in percent. */
  lossy = 0;
  readonly #scheduler: Scheduler;
  readonly #beats = new Map<
    string,
    { readonly facts: CoordinatorFacts; readonly endsMs: number }
  >();
  readonly #boxes = new Map<string, Box>();

  constructor(scheduler: Scheduler, kept: number) {
    this.#scheduler = scheduler;
    this.store = new Store(scheduler, kept);
  }

  /** Whether the beat of a coordinator has not run out. */
  isAlive(id: string): boolean {
    return (this.#beats.get(id)?.endsMs ?? 0) > this.#scheduler.nowMs;
  }

  membership(link: Link): Membership {
    return {
      beat: (facts, ttlMs) =>
        link.call(() => {
          this.#beats.set(facts.id, { facts, endsMs: this.#scheduler.nowMs + ttlMs });
        }),
      alive: () =>
        link.call(() =>
          [...this.#beats.values()].map(({ facts }) => facts).filter(({ id }) => this.isAlive(id)),
        ),
      leave: (id) => link.call(() => void this.#beats.delete(id)),
      close: async () => undefined,
    };
  }

  bus(id: string, link: Link): Bus {
    const listeners = new Listeners<[BusMessage]>();
    this.#boxes.set(id, { link, listeners });
    const post = (to: readonly (Box | undefined)[], bytes: Uint8Array): Promise<void> => {
      // A copy, because the sender may use its buffer again.
      const message = { from: id, bytes: bytes.slice() };
      const sentMs = this.#scheduler.nowMs;
      return link.call(() => {
        for (const box of to) {
          if (!box || this.#scheduler.chance(this.lossy)) continue;
          box.link.deliver(() => {
            box.listeners.tell({ ...message, ageMs: this.#scheduler.nowMs - sentMs });
          });
        }
      });
    };
    return {
      send: (to, bytes) => post([this.#boxes.get(to)], bytes),
      broadcast: (bytes) => {
        const others = [...this.#boxes].filter(([one]) => one !== id);
        return post(
          others.map(([, box]) => box),
          bytes,
        );
      },
      onMessage: (listener) => listeners.add(listener),
      close: async () => void this.#boxes.delete(id),
    };
  }

  /** The coordinator is gone without a word. */
  forget(id: string): void {
    this.#boxes.delete(id);
  }
}
