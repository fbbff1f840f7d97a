/** A place where coordinators of a simulation run, one after the other: real services, without an edge. */
import type { Membership } from '../../server/cluster/membership.js';
import { Members } from '../../server/cluster/members.js';
import { ListeningClock } from '../../server/core/listening-clock.js';
import { MAIN } from '../../server/core/network-name.js';
import { Code, KelpieError } from '../../server/core/errors.js';
import { JournalError, NotStored } from '../../server/journal/error.js';
import type { Journal } from '../../server/journal/journal.js';
import { defaultLimits, type Times } from '../../server/network/limits.js';
import { Networks } from '../../server/networks.js';
import type { SessionPort } from '../../server/session/port.js';
import type { Services } from '../../server/wiring.js';
import { MortalClock } from '../support/clock/mortal-clock.js';
import type { Engine } from './engine/engine.js';
import { JournalView } from './engine/journal-view.js';
import { Link } from './engine/link.js';
import { LateClock, Running } from './running.js';
import type { Scheduler } from './scheduler.js';

/** Short, so that a simulated second has much in it. */
export const times: Times = {
  heartbeatMs: 700,
  maxSilenceMs: 2100,
  unreachableMs: 200,
  graceMs: 3000,
  helloMs: 1000,
  probeMs: 600,
  drainMs: 1500,
  loginMs: 6000,
  verifyMs: 300,
  aliveMs: 2000,
};
/** The newest entries in memory: few, so that readers also read the journal. */
const TAIL = { entries: 20, bytes: 2 ** 20 };

/** A test plants a fault in one of these. */
export interface Planting {
  readonly journal?: (journal: Journal, link: Link) => Journal;
  readonly membership?: (membership: Membership, id: string) => Membership;
  readonly engine?: (engine: Engine) => void;
}

/** One coordinator: a process. */
class Process {
  readonly id: string;
  readonly clock: MortalClock;
  readonly running: Running;
  readonly link: Link;
  readonly members: Members;
  readonly networks: Networks;
  readonly #listening: ListeningClock;
  readonly #engine: Engine;

  constructor(id: string, place: Place) {
    const { scheduler, engine } = place;
    this.id = id;
    this.#engine = engine;
    this.clock = new MortalClock(scheduler.clock);
    this.running = new Running(scheduler.clock);
    const clock = new LateClock(this.clock, this.running);
    this.#listening = new ListeningClock(clock);
    this.link = new Link(scheduler, this.running);
    const { link } = this;
    const onFault = (error: unknown): void => place.fault(this, error);
    const clocks = { clock, listening: this.#listening, onFault };
    const facts = () => ({ version: '0.0.0', ...this.networks.facts });
    const own = engine.membership(link);
    const membership = place.planting.membership?.(own, id) ?? own;
    this.members = new Members({ id, membership, facts, ttlMs: times.aliveMs, ...clocks });
    this.networks = new Networks({
      ...clocks,
      ...{ members: this.members, bus: engine.bus(id, link) },
      ...{ limits: defaultLimits, times, tailLimits: TAIL },
      identity: { coordinatorId: id, version: '0.0.0', startedMs: clock.now() },
      openJournal: async (_, faults) => {
        const parts = { store: engine.store, link, clock, faults };
        const view = await JournalView.open(parts);
        return place.planting.journal?.(view, link) ?? view;
      },
      observe: () => ({ onFault }),
      onUnavailable: () => undefined,
    });
  }

  async start(): Promise<void> {
    await this.members.join();
    await this.networks.start([]);
  }

  async stop(): Promise<void> {
    await this.networks.drain();
    await this.networks.close();
    await this.members.close();
    this.die();
  }

  die(): void {
    this.clock.die();
    this.link.die();
    this.#engine.forget(this.id);
  }
}

export class Place {
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly engine: Engine;
  readonly planting: Planting;
  /** Faults that no fault of the simulation explains. */
  readonly faults: unknown[] = [];
  /** Called when the process is gone, in order or not. */
  onGone: () => void = () => undefined;
  #process: Process | undefined;
  #lives = 0;
  #isOpen = false;

  constructor(name: string, scheduler: Scheduler, engine: Engine, planting: Planting) {
    this.name = name;
    this.scheduler = scheduler;
    this.engine = engine;
    this.planting = planting;
  }

  /** Whether a coordinator runs and takes streams. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether a coordinator runs that the others count as alive. */
  get isAlive(): boolean {
    const process = this.#process;
    if (!process || !this.engine.isAlive(process.id)) return false;
    // The others may count one that stood still as gone until they look again.
    return process.running.ranFor(times.aliveMs);
  }

  /** The services of the coordinator; undefined while there are none. */
  get services(): Services | undefined {
    return this.#process?.networks.all.get(MAIN)?.services;
  }

  get link(): Link | undefined {
    return this.#process?.link;
  }

  get running(): Running | undefined {
    return this.#process?.running;
  }

  /** Starts a coordinator, if none runs. If the engine is away, it makes another attempt later. */
  start(): void {
    if (this.#process) return;
    this.#lives += 1;
    const process = new Process(`${this.name}${this.#lives}`, this);
    this.#process = process;
    process.start().then(
      () => (this.#isOpen ||= this.#process === process),
      () => {
        if (this.#process !== process) return;
        this.kill();
        this.scheduler.later([100, 500], () => this.start());
      },
    );
  }

  /** The process ends at once. */
  kill(): void {
    const process = this.#process;
    this.#process = undefined;
    this.#isOpen = false;
    process?.die();
    this.onGone();
  }

  /** The process ends in order. */
  stop(): void {
    const process = this.#process;
    if (!process || !this.#isOpen) return;
    this.#isOpen = false;
    const gone = (): void => {
      if (this.#process === process) this.kill();
    };
    process.running.do(() => void process.stop().then(gone, gone));
  }

  /** The port of sessions, as an edge finds it: streams that come while the network opens wait. */
  async port(): Promise<SessionPort> {
    const process = this.#process;
    if (!process) throw new Error('nobody listens');
    return (await process.networks.of(MAIN)).port;
  }

  fault(process: Process, error: unknown): void {
    if (process.clock.dead || isOfEngine(error)) return;
    this.faults.push(error);
  }
}

/** Whether the engine was away, or lost an answer. */
function isOfEngine(error: unknown): boolean {
  if (error instanceof NotStored || error instanceof JournalError) return true;
  if (error instanceof KelpieError) return error.code === Code.UNAVAILABLE;
  return error instanceof Error && error.message === 'the answer of the engine is lost';
}
