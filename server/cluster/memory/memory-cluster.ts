/**
 * Coordinators of one process: what they say about themselves, and the messages between them. Tests and simulations
 * give one object to several coordinators; a coordinator on memory or files has one for itself.
 */
import type { Clock } from '../../core/clock.js';
import { MemoryBus } from './memory-bus.js';
import type { Bus } from '../bus.js';
import type { CoordinatorFacts, Membership } from '../membership.js';

interface Beat {
  readonly facts: CoordinatorFacts;
  readonly endsMs: number;
}

export class MemoryCluster {
  readonly #clock: Clock;
  readonly #beats = new Map<string, Beat>();
  readonly #buses = new Set<MemoryBus>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The list of coordinators, for one of them. */
  membership(): Membership {
    return {
      beat: async (facts, ttlMs) => {
        this.#beats.set(facts.id, { facts, endsMs: this.#clock.now() + ttlMs });
      },
      alive: async () => this.#alive(),
      leave: async (id) => {
        this.#beats.delete(id);
      },
      close: async () => undefined,
    };
  }

  /** The messages for the coordinator with this id. */
  bus(id: string): Bus {
    return new MemoryBus(id, this.#buses);
  }

  #alive(): CoordinatorFacts[] {
    for (const [id, { endsMs }] of this.#beats) {
      if (endsMs <= this.#clock.now()) this.#beats.delete(id);
    }
    return [...this.#beats.values()].map(({ facts }) => facts);
  }
}
