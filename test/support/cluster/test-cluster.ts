/**
 * Several coordinators in one process: on one journal in memory, one clock that stands still, one list of who is alive
 * and one bus. Each has a view of the journal that a test can hold back, and a bus that can lose messages.
 */
import type { Bus, BusMessage } from '../../../server/cluster/bus.js';
import { Members } from '../../../server/cluster/members.js';
import type { Membership } from '../../../server/cluster/membership.js';
import { MemoryCluster } from '../../../server/cluster/memory/memory-cluster.js';
import { FakeClock } from '../clock/fake-clock.js';
import { settled } from '../journal/history.js';
import {
  type ModelOptions,
  type MortalCoordinator,
  openJournal,
  openMortal,
} from '../model/coordinator.js';
import { JournalView } from './journal-view.js';

/** How long a beat counts. */
const TTL_MS = 10_000;
/** Turns in which everything that waits for no timer has happened. */
const TURNS = 60;

/** One of the coordinators. */
export interface Coordinator extends MortalCoordinator {
  readonly id: string;
  readonly view: JournalView;
  readonly bus: LossyBus;
  readonly members: Members;
  /** Cuts it off from the engine, or ends that: it reads and stores nothing, and cannot beat. */
  cutOff(away: boolean): void;
}

/** A bus that loses what a test wants. */
class LossyBus implements Bus {
  /** Whether a message to this coordinator, or from it, is lost. */
  loses: (bytes: Uint8Array) => boolean = () => false;
  /** How long each message for this coordinator was under way. */
  ageMs = 0;
  readonly #bus: Bus;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  async send(to: string, bytes: Uint8Array): Promise<void> {
    if (!this.loses(bytes)) await this.#bus.send(to, bytes);
  }

  async broadcast(bytes: Uint8Array): Promise<void> {
    if (!this.loses(bytes)) await this.#bus.broadcast(bytes);
  }

  onMessage(listener: (message: BusMessage) => void): () => void {
    return this.#bus.onMessage((message) => {
      if (!this.loses(message.bytes)) listener({ ...message, ageMs: this.ageMs });
    });
  }

  close(): Promise<void> {
    return this.#bus.close();
  }
}

export class TestCluster {
  readonly clock = new FakeClock();
  readonly journal = openJournal(this.clock);
  readonly #cluster = new MemoryCluster(this.clock);

  async start(id: string, options: ModelOptions = {}): Promise<Coordinator> {
    const view = new JournalView(this.journal);
    const bus = new LossyBus(this.#cluster.bus(id));
    const link = { isAway: false };
    const facts = { version: '0.0.0', sessions: 0, lagEntries: 0, draining: false };
    const members = new Members({
      id,
      membership: reachable(this.#cluster.membership(), link),
      facts: () => facts,
      ttlMs: TTL_MS,
      clock: this.clock,
      listening: this.clock,
      onFault: (error) => {
        throw error;
      },
    });
    await members.join();
    const own = { coordinatorId: id, cluster: { members, bus } };
    const town = await openMortal(view, this.clock, { ...options, ...own });
    const cutOff = (away: boolean): void => {
      link.isAway = away;
      view.away = away;
      bus.loses = () => away;
    };
    const die = (): void => {
      town.die();
      view.die();
      link.isAway = true;
      bus.loses = () => true;
    };
    return { ...town, id, view, bus, members, cutOff, die };
  }

  /** A bus for a test that plays a coordinator. */
  bus(id: string): Bus {
    return this.#cluster.bus(id);
  }

  /** Time passes, step by step, and all that it brings happens. */
  async pass(ms: number, stepMs = 500): Promise<void> {
    for (let leftMs = ms; leftMs > 0; leftMs -= stepMs) {
      this.clock.advance(Math.min(stepMs, leftMs));
      await settled(TURNS);
    }
  }

  /** Everything that waits for no timer happens. */
  async settle(): Promise<void> {
    await settled(TURNS);
  }

  /** Time passes until the condition holds. Returns how much. */
  async passUntil(condition: () => boolean, limitMs = 60_000): Promise<number> {
    const beganMs = this.clock.now();
    while (!condition()) {
      if (this.clock.now() - beganMs > limitMs) throw new Error('waited in vain');
      await this.pass(100);
    }
    return this.clock.now() - beganMs;
  }

  /** Time passes until another coordinator has seen that this one is dead. */
  async passUntilGone(id: string, other: Coordinator): Promise<void> {
    await this.passUntil(() => !other.members.alive(id));
    await this.settle();
  }
}

function reachable(membership: Membership, link: { readonly isAway: boolean }): Membership {
  const check = (): void => {
    if (link.isAway) throw new Error('the engine is away');
  };
  return {
    beat: async (...args) => {
      check();
      return membership.beat(...args);
    },
    alive: async () => {
      check();
      return membership.alive();
    },
    leave: async (id) => {
      check();
      return membership.leave(id);
    },
    close: () => membership.close(),
  };
}
