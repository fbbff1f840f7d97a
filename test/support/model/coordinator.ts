/** A coordinator with a memory journal and a fake clock, and nodes that connect to it without a socket. */
import { openAccess } from '../../../server/access/access.js';
import { randomBytes } from 'node:crypto';
import { type Cursor, type Start, StartAt } from '../../../gen/ts/kelpie/v1/cursor.js';
import { NodeRole } from '../../../gen/ts/kelpie/v1/node.js';
import {
  type ConnectRequest,
  ConnectResponse,
  type CoordinatorFrame,
  Hello,
  type NodeFrame,
} from '../../../gen/ts/kelpie/v1/session_service.js';
import {
  defaultLimits,
  defaultTimes,
  type Limits,
  type Times,
} from '../../../server/network/limits.js';
import { Members } from '../../../server/cluster/members.js';
import { MemoryCluster } from '../../../server/cluster/memory/memory-cluster.js';
import type { Journal, Retention } from '../../../server/journal/journal.js';
import { MemoryJournal } from '../../../server/journal/memory/memory-journal.js';
import type { TailLimits } from '../../../server/delivery/tail.js';
import type { SessionObserver } from '../../../server/session/observer.js';
import type { SessionPort } from '../../../server/session/port.js';
import { type Services, wire } from '../../../server/wiring.js';
import type { Clock } from '../../../server/core/clock.js';
import { FakeClock } from '../clock/fake-clock.js';
import { settled } from '../journal/history.js';
import { JournalAccess } from '../journal/journal-access.js';
import { MortalClock } from '../clock/mortal-clock.js';

/** The settings that a test may change. */
export interface ModelOptions {
  readonly retention?: Partial<Retention>;
  readonly tail?: TailLimits;
  readonly limits?: Partial<Limits>;
  readonly times?: Partial<Times>;
  readonly observers?: readonly SessionObserver[];
}

/** A coordinator without its edge. */
export interface TestCoordinator extends Services {
  readonly journal: MemoryJournal;
  readonly clock: FakeClock;
  readonly faults: unknown[];
}

export async function openCoordinator(options: ModelOptions = {}): Promise<TestCoordinator> {
  const clock = new FakeClock();
  const journal = openJournal(clock, options.retention);
  return { ...(await openOn(journal, clock, options)), journal, clock };
}

/** An empty journal in memory. */
export function openJournal(clock: Clock, retention: Partial<Retention> = {}): MemoryJournal {
  return new MemoryJournal(clock, {
    entries: 100_000,
    bytes: 2 ** 30,
    ageMs: 2 ** 40,
    ...retention,
  });
}

/** A coordinator on a journal that stays when the coordinator dies. */
export interface MortalCoordinator extends Omit<TestCoordinator, 'journal' | 'clock'> {
  /** Ends the coordinator like a killed process: it writes nothing more, and no timer fires. */
  die(): void;
}

interface MortalOptions {
  readonly coordinatorId?: string;
  /** How many turns of the event loop the next append or read takes. */
  readonly turns?: () => number;
  /** Counts only the time in which the coordinator listens. */
  readonly listening?: Clock;
  /** Default: the coordinator is alone. */
  readonly cluster?: Pick<Services, 'members' | 'bus'>;
  /** The coordinators that it joins. */
  readonly among?: MemoryCluster;
}

/** Joins a coordinator to others, or makes it the only one. */
export async function joinCluster(
  clock: Clock,
  id: string,
  cluster = new MemoryCluster(clock),
): Promise<Pick<Services, 'members' | 'bus'>> {
  const facts = { version: '0.0.0', sessions: 0, lagEntries: 0, draining: false };
  const members = new Members({
    id,
    membership: cluster.membership(),
    facts: () => facts,
    clock,
    listening: clock,
    ttlMs: defaultTimes.aliveMs,
    onFault: (error) => {
      throw error;
    },
  });
  await members.join();
  return { members, bus: cluster.bus(id) };
}

/** Opens a coordinator on a journal that others may have written. */
export async function openMortal(
  journal: Journal,
  clock: FakeClock,
  options: ModelOptions & MortalOptions = {},
): Promise<MortalCoordinator> {
  const access = new JournalAccess(journal, options.turns);
  const life = new MortalClock(clock);
  const { among, coordinatorId = 'coordinator-1' } = options;
  const cluster = among ? await joinCluster(life, coordinatorId, among) : options.cluster;
  const town = await openOn(access, life, { ...options, ...(cluster && { cluster }) });
  const die = (): void => {
    access.die();
    life.die();
    if (among) void cluster?.bus.close();
  };
  return { ...town, die };
}

async function openOn(
  journal: Journal,
  clock: Clock,
  options: ModelOptions & MortalOptions,
): Promise<Omit<TestCoordinator, 'journal' | 'clock'>> {
  const faults: unknown[] = [];
  const coordinatorId = options.coordinatorId ?? 'coordinator-1';
  const services = await wire(
    {
      identity: { network: 'main', coordinatorId, version: '0.0.0', startedMs: 0 },
      ...(options.cluster ?? (await joinCluster(new FakeClock(), coordinatorId))),
      journal,
      clock,
      listening: options.listening ?? clock,
      limits: { ...defaultLimits, ...options.limits },
      times: { ...defaultTimes, ...options.times },
      tailLimits: options.tail ?? { entries: 1000, bytes: 2 ** 20 },
      onFault: (error) => faults.push(error),
      observers: () => options.observers ?? [],
    },
    [],
  );
  return { ...services, faults };
}

type Frame = NonNullable<CoordinatorFrame['frame']>;
type Case = Frame['$case'];
type ValueOf<C extends Case> = Extract<Frame, { $case: C }>['value'];

export const SNAPSHOT: Start = { place: { $case: 'at', value: StartAt.SNAPSHOT } };
export const LATEST: Start = { place: { $case: 'at', value: StartAt.LATEST } };
export const EARLIEST: Start = { place: { $case: 'at', value: StartAt.EARLIEST } };

export function after(cursor: Cursor): Start {
  return { place: { $case: 'after', value: cursor } };
}

export function hello(name: string, partial: Partial<Hello> = {}): Hello {
  const base = { name, role: NodeRole.DOWNSTREAM, instanceId: randomBytes(16), start: LATEST };
  return { ...Hello.create(base), ...partial };
}

/** One stream of a node. Only `pull` reads from it, so a test decides how slow the node is. */
export class TestStream {
  readonly #requests = new RequestQueue();
  readonly #abort = new AbortController();
  readonly #responses: AsyncGenerator<Uint8Array>;
  #unread: CoordinatorFrame[] = [];
  /** A pull whose caller has stopped waiting. */
  #pending: Promise<CoordinatorFrame[] | undefined> | undefined;

  constructor({ serve }: Pick<SessionPort, 'serve'>) {
    const access = openAccess('main', { host: '10.0.0.7' });
    const peer = { host: access.address, signal: this.#abort.signal, access };
    this.#responses = serve(this.#requests, peer);
  }

  send(...frames: (NodeFrame | NonNullable<NodeFrame['frame']> | undefined)[]): void {
    const numbered = frames.map((frame) =>
      frame && 'requestId' in frame ? frame : { requestId: 0, frame },
    );
    this.#requests.push({ frames: numbered });
  }

  /** The frames of the next message; undefined at the end. Throws what ends the stream. */
  async pull(): Promise<CoordinatorFrame[] | undefined> {
    if (this.#unread.length > 0) return this.#unread.splice(0);
    const pull = this.#pending ?? this.#pull();
    this.#pending = undefined;
    return pull;
  }

  /**
   * Like `pull`, but stops waiting when nothing is ready; the next pull continues. A woken stream answers
   * in three turns of the event loop, if its journal answers at once.
   */
  async pullIfReady(turns = 5): Promise<CoordinatorFrame[] | undefined> {
    if (this.#unread.length > 0) return this.#unread.splice(0);
    this.#pending ??= this.#pull();
    const idle = settled(turns).then(() => 'idle' as const);
    const frames = await Promise.race([this.#pending, idle]);
    if (frames === 'idle') return undefined;
    this.#pending = undefined;
    return frames;
  }

  async #pull(): Promise<CoordinatorFrame[] | undefined> {
    const result = await this.#responses.next();
    if (result.done) return undefined;
    return ConnectResponse.decode(result.value).frames;
  }

  /** The next frame of a kind. Skips the frames before it. */
  async next<C extends Case>(wanted: C): Promise<ValueOf<C>> {
    for (;;) {
      const frame = await this.#nextFrame();
      if (frame?.$case === wanted) return frame.value as ValueOf<C>;
    }
  }

  async #nextFrame(): Promise<CoordinatorFrame['frame']> {
    const [first, ...rest] = this.#unread.length > 0 ? this.#unread : await this.#pullSome();
    this.#unread = rest;
    return first?.frame;
  }

  async #pullSome(): Promise<CoordinatorFrame[]> {
    const frames = await this.pull();
    if (!frames) throw new Error('the stream ended');
    return frames;
  }

  /** Reads to the end of the stream. Returns the error that ended it, if there was one. */
  async ended(): Promise<unknown> {
    try {
      while (await this.pull());
      return undefined;
    } catch (error) {
      return error;
    }
  }

  /** The node closes its side without a goodbye. */
  halfClose(): void {
    this.#requests.end();
  }

  /** The connection breaks. */
  async cut(): Promise<void> {
    this.#requests.end();
    this.#abort.abort();
    await this.#responses.return(undefined);
  }
}

/** Opens a stream and waits for its Welcome. */
export async function join({ port }: Pick<TestCoordinator, 'port'>, first: Hello) {
  const stream = new TestStream(port);
  stream.send({ $case: 'hello', value: first });
  return { stream, welcome: await stream.next('welcome') };
}

class RequestQueue implements AsyncIterable<ConnectRequest> {
  #waiting: ConnectRequest[] = [];
  #ended = false;
  #wake = (): void => undefined;

  push(request: ConnectRequest): void {
    this.#waiting.push(request);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ConnectRequest> {
    for (;;) {
      const request = this.#waiting.shift();
      if (request) yield request;
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
