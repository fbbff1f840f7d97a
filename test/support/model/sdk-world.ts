/**
 * A network of real clients and real coordinators over a simulated wire, in one process, with one clock
 * that a test moves. A coordinator can drain, die and come back, with its journal or with a new epoch.
 */
import type { Clock } from '../../../client/core/clock.js';
import { KelpieClient } from '../../../client/client.js';
import type { ConnectOptions } from '../../../client/options.js';
import type { Status } from '../../../client/status.js';
import type { Cursor } from '../../../gen/ts/kelpie/v1/cursor.js';
import type { ConnectRequest } from '../../../gen/ts/kelpie/v1/session_service.js';
import { MemoryCluster } from '../../../server/cluster/memory/memory-cluster.js';
import { hex } from '../../../server/core/cursor.js';
import type { Entry } from '../../../server/journal/journal.js';
import type { MemoryJournal } from '../../../server/journal/memory/memory-journal.js';
import { FakeClock } from '../clock/fake-clock.js';
import { settled } from '../journal/history.js';
import {
  type ModelOptions,
  type MortalCoordinator,
  openJournal,
  openMortal,
} from './coordinator.js';
import { MortalClock } from '../clock/mortal-clock.js';
import type { Epoch, Fault } from './sdk-steps.js';
import { SimulatedWire, type WireStream } from './simulated-wire.js';

/** The result of `close` if nothing leaks. */
export const NOTHING_LEFT = { open: 0, timers: 0, streams: 0, faults: [] as unknown[] };

/** Enough turns for all callbacks within one process to come to rest. */
const TURNS = 16;
/** How many more seconds a world may need for slow handlers. */
const MOST_WAITS = 200;
/** In seconds: publishes have 5, streams another 5. */
const LONGEST_CLOSES = 12;
const START_MS = Date.UTC(2025, 0, 1);
const DAY_MS = 24 * 60 * 60 * 1000;

/** A client process, with the events and statuses that it received. */
export interface Process {
  readonly client: KelpieClient;
  readonly statuses: Status[];
  readonly life: MortalClock;
}

/** An entry, and its index in the whole history. */
export interface Stored extends Entry {
  readonly index: number;
}

export interface WorldOptions extends ModelOptions {
  /** How many turns of the event loop the next append or read of a journal takes. */
  readonly turns?: () => number;
  /** Replaces a message of a client on its way. */
  readonly pass?: (request: ConnectRequest) => ConnectRequest;
}

export class SdkWorld {
  readonly clock = new FakeClock();
  readonly wire: SimulatedWire;
  /** All entries that were ever stored, in all epochs. */
  readonly entries: Stored[] = [];
  /** The index in the history at which each epoch begins. */
  readonly #epochs = new Map<string, number>();
  journal: MemoryJournal;
  /** All coordinators are on one engine. */
  readonly #cluster = new MemoryCluster(this.clock);
  readonly #places: number;
  readonly #options: WorldOptions;
  readonly #coordinators: (MortalCoordinator | undefined)[] = [];
  /** The living ones. */
  readonly #clients = new Map<MortalClock, KelpieClient>();
  #lives = 0;
  #random = 1;
  /** The first and the last calendar time at which an epoch began. */
  #days: [number, number] = [0, 0];
  #waits = 0;

  /** @param places the number of coordinators, on one journal */
  private constructor(places: number, options: WorldOptions) {
    this.#places = places;
    this.#options = options;
    this.wire = new SimulatedWire(options.pass);
    this.journal = this.#newJournal();
  }

  static async open(places = 1, options: WorldOptions = {}): Promise<SdkWorld> {
    const world = new SdkWorld(places, options);
    await world.#openAll();
    return world;
  }

  #newJournal(): MemoryJournal {
    const journal = openJournal(this.clock, this.#options.retention);
    this.#epochs.set(hex(journal.head.epoch), this.entries.length);
    journal.onAppend((entries) => {
      for (const entry of entries) this.entries.push({ ...entry, index: this.entries.length });
    });
    return journal;
  }

  async #openAll(): Promise<void> {
    for (let place = 0; place < this.#places; place++) {
      const coordinatorId = `coordinator-${++this.#lives}`;
      const options = { ...this.#options, coordinatorId, among: this.#cluster };
      this.#coordinators[place] = await openMortal(this.journal, this.clock, options);
    }
  }

  /** Any living coordinator. */
  get town(): MortalCoordinator {
    const town = this.#coordinators.find((one) => one && !one.registry.draining);
    if (!town) throw new Error('no coordinator lives');
    return town;
  }

  coordinatorAt(place: number): MortalCoordinator | undefined {
    return this.#coordinators[place];
  }

  get living(): number {
    return this.#coordinators.filter((one) => one && !one.registry.draining).length;
  }

  /** How many entries of the whole history are at or before a cursor. */
  indexOf({ epoch, sequence }: Cursor): number {
    const from = this.#epochs.get(hex(epoch)) ?? 0;
    const to = [...this.#epochs.values()].find((start) => start > from) ?? this.entries.length;
    const after = this.entries.slice(from, to).findIndex((entry) => entry.sequence > sequence);
    return after < 0 ? to : from + after;
  }

  /** A wait of the test, which does not count as a timer of a client. */
  later(ms: number): Promise<void> {
    this.#waits += 1;
    return new Promise((resolve) =>
      this.clock.after(ms, () => {
        this.#waits -= 1;
        resolve();
      }),
    );
  }

  /** The epoch of an entry of the whole history. */
  epochOf(index: number): number {
    return [...this.#epochs.values()].filter((start) => start <= index).length;
  }

  /** Starts a process. */
  connect(options: ConnectOptions): Process {
    const life = new MortalClock(this.clock);
    const routes = Array.from({ length: this.#places }, (_, place) => ({
      endpoint: `place-${place}`,
      transport: this.wire.transport(life, () =>
        life.dead ? undefined : this.#coordinators[place]?.port,
      ),
    }));
    const client = new KelpieClient(options, { clock: this.#clockOf(life), routes });
    const one = { client, statuses: [] as Status[], life };
    void collect(client.status(), one.statuses);
    this.#clients.set(life, client);
    return one;
  }

  #clockOf(life: MortalClock): Clock {
    return {
      now: () => life.now(),
      after: (delayMs, fire) => life.after(delayMs, fire),
      random: () => {
        // Each run draws the same sequence.
        this.#random = (this.#random * 48_271) % 2_147_483_647;
        return this.#random / 2_147_483_647;
      },
    };
  }

  /** Runs one step: a fault of streams, time or coordinators. */
  async take(fault: Fault): Promise<void> {
    switch (fault.kind) {
      case 'deliver':
        this.#stream(fault.stream)?.deliver(fault.direction, fault.count);
        return settled(TURNS);
      case 'flow':
        return this.flow();
      case 'pass':
        return this.passBlindly(fault.ms);
      case 'wait':
        return this.pass(fault.ms);
      case 'cut':
        this.#stream(fault.stream)?.cut(fault.noticed);
        return settled(TURNS);
      case 'drain': {
        this.drain(fault.place);
        return;
      }
      case 'kill': {
        this.kill(fault.place);
        return;
      }
      case 'restart':
        return this.restart(fault.epoch);
    }
  }

  #stream(index: number): WireStream | undefined {
    const { streams } = this.wire;
    return streams[index % streams.length];
  }

  /** Time passes; messages on the wire go on waiting. */
  async passBlindly(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settled(TURNS);
  }

  /** Delivers all messages until nothing moves. */
  async flow(): Promise<void> {
    for (let quiet = 0; quiet < 2;) {
      await settled(TURNS);
      quiet = this.wire.deliver() ? 0 : quiet + 1;
    }
  }

  /** Time passes, and all messages are delivered. */
  async pass(ms: number, stepMs = 500): Promise<void> {
    for (let leftMs = ms; leftMs > 0; leftMs -= stepMs) {
      this.clock.advance(Math.min(stepMs, leftMs));
      await this.flow();
    }
  }

  /** A coordinator drains, and stops when its sessions are gone. Never the last one. */
  drain(place: number): void {
    const town = this.#coordinators[place];
    if (!town || town.registry.draining || this.living < 2) return;
    // Its last frames are still on the wire.
    void town.drain().then(() => this.#forget(place, town));
  }

  /** Kills a coordinator. Never the last one. */
  kill(place: number): void {
    const town = this.#coordinators[place];
    if (town && (town.registry.draining || this.living > 1)) this.#remove(place, town);
  }

  #forget(place: number, town: MortalCoordinator): void {
    if (this.#coordinators[place] === town) this.#coordinators[place] = undefined;
    town.die();
  }

  #remove(place: number, town: MortalCoordinator): void {
    this.#forget(place, town);
    for (const stream of this.wire.streams) if (stream.port === town.port) stream.cut('both');
  }

  /** Kills and restarts all coordinators: with the stored journal, or with an empty one. */
  async restart(epoch: Epoch): Promise<void> {
    this.#coordinators.forEach((town, place) => town && this.#remove(place, town));
    await settled(TURNS);
    if (epoch !== 'same') {
      // An epoch begins at the calendar time: before or after all earlier epochs.
      this.#days =
        epoch === 'lower' ? [this.#days[0] - 1, this.#days[1]] : [this.#days[0], this.#days[1] + 1];
      this.clock.setWall(START_MS + DAY_MS * (epoch === 'lower' ? this.#days[0] : this.#days[1]));
      this.journal = this.#newJournal();
    }
    await this.#openAll();
  }

  /** Runs until nothing can change any more: graces, silences, back-offs and digests have had their time. */
  async quiet(): Promise<void> {
    for (let round = 0; round < 12; round++) await this.pass(5000, 2500);
    // Slow handlers run one after the other.
    for (let more = 0; this.#waits > 0 && more < MOST_WAITS; more++) await this.pass(1000, 1000);
  }

  /** A process dies, and sends nothing more. */
  crash(one: Process): void {
    this.#clients.delete(one.life);
    one.life.die();
    for (const stream of this.streamsOf(one)) stream.cut('both');
  }

  /** Resolves with all streams when there are `count` of them. */
  async streams(count: number): Promise<readonly WireStream[]> {
    for (let turn = 0; turn < 100 && this.wire.streams.length < count; turn++) await settled(1);
    return this.wire.streams;
  }

  streamsOf({ life }: Process): readonly WireStream[] {
    return this.wire.streams.filter(({ from }) => from === life);
  }

  /** Ends every process. Each remaining timer, open client or stream is a fault. */
  async close(): Promise<typeof NOTHING_LEFT> {
    let open = this.#clients.size;
    for (const client of this.#clients.values()) void client.close().then(() => (open -= 1));
    for (let waits = 0; open > 0 && waits < LONGEST_CLOSES; waits++) await this.pass(1000);
    const faults = this.#coordinators.flatMap((town) => town?.faults ?? []);
    this.#coordinators.forEach((town, place) => town && this.#remove(place, town));
    await this.flow();
    return {
      open,
      timers: this.clock.pending - this.#waits,
      streams: this.wire.streams.filter(({ held }) => held).length,
      faults,
    };
  }
}

async function collect(statuses: AsyncIterable<Status>, into: Status[]): Promise<void> {
  for await (const status of statuses) into.push(status);
}
