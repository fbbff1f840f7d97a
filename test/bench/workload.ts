/** Drives a wire, and measures the events that arrive. */
import { cpuSeconds } from './cpu.js';
import { type Scenario, type Span, WINDOW_EVENTS } from './plan.js';
import type { OpenWire, Wire } from './wire.js';

/** A measurement to run. */
export interface Task
  extends Span, Pick<Scenario, 'kind' | 'publishers' | 'subscribers' | 'window'> {
  readonly endpoint: string;
  readonly serverPids: readonly number[];
  /** The number of events of a history, which exist before the subscribers come. */
  readonly events?: number;
}

/** The results of a measurement. Each kind of scenario sets the results that it measures. */
export interface Measurement {
  readonly deliveriesPerSecond?: number;
  /** CPU seconds per second of the server, and of the process with all clients. */
  readonly serverCpu?: number | undefined;
  readonly clientCpu?: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  readonly fillSeconds?: number;
  readonly mebibytes?: number;
  readonly startMs?: number;
  readonly bytesEach?: number;
  /** The time from the leave of the first player to the leave of the last. */
  readonly lostMs?: number;
  /** The duration of a search. */
  readonly perMillionMs?: number;
  /** The longest wait of the other node meanwhile. */
  readonly waitedMs?: number;
}

/** The limit of samples of one measurement. */
const SAMPLES = 20_000;
/** The time in which the last events must arrive. */
const DRAIN_MS = 5000;

export async function measure(open: OpenWire, task: Task): Promise<Measurement> {
  const flow = new Flow(task.subscribers);
  const { endpoint, publishers, subscribers } = task;
  if (task.kind === 'history') return measureHistory(flow, open, task);
  const wire = await open({ endpoint, publishers, subscribers, onDelivered: flow.onDelivered });
  const result = await (task.kind === 'throughput'
    ? measureThroughput(flow, wire, task)
    : measureLatency(flow, wire, task));
  await wire.close();
  return result;
}

/** The time from the first attempt to connect to the last event. */
async function measureHistory(flow: Flow, open: OpenWire, task: Task): Promise<Measurement> {
  const { endpoint, subscribers, serverPids, events = 0 } = task;
  flow.published = events;
  const before = snapshot(flow, serverPids);
  const wire = await open({
    endpoint,
    subscribers,
    fromEarliest: true,
    onDelivered: flow.onDelivered,
  });
  await flow.until(0);
  const measurement = between(before, snapshot(flow, serverPids));
  await wire.close();
  return measurement;
}

/** Counts the events that were published and the events that have arrived. */
class Flow {
  delivered = 0;
  published = 0;
  readonly #subscribers: number;
  #enough = 0;
  #wake: (() => void) | undefined;

  constructor(subscribers: number) {
    this.#subscribers = subscribers;
  }

  /** The number of events that have not arrived, on the average of the subscribers. */
  get underWay(): number {
    return this.published - this.delivered / this.#subscribers;
  }

  readonly onDelivered = (count: number): void => {
    this.delivered += count;
    if (this.#wake === undefined || this.underWay > this.#enough) return;
    const wake = this.#wake;
    this.#wake = undefined;
    wake();
  };

  /** Resolves when at most the given number of events are under way. */
  until(enough: number): Promise<void> {
    if (this.underWay <= enough) return Promise.resolve();
    this.#enough = enough;
    return new Promise((resolve) => (this.#wake = resolve));
  }
}

async function measureThroughput(flow: Flow, wire: Wire, task: Task): Promise<Measurement> {
  let over = false;
  const pumped = pump(flow, wire, task.window ?? WINDOW_EVENTS, () => over);
  await delay(task.warmUpMs);
  const before = snapshot(flow, task.serverPids);
  await delay(task.measureMs);
  const after = snapshot(flow, task.serverPids);
  over = true;
  await pumped;
  await arrival(flow);
  return between(before, after);
}

function between(before: Snapshot, after: Snapshot): Measurement {
  const seconds = (after.atMs - before.atMs) / 1000;
  const serverSeconds =
    after.serverSeconds === undefined || before.serverSeconds === undefined
      ? undefined
      : after.serverSeconds - before.serverSeconds;
  return {
    deliveriesPerSecond: (after.delivered - before.delivered) / seconds,
    serverCpu: serverSeconds === undefined ? undefined : serverSeconds / seconds,
    clientCpu: (after.clientSeconds - before.clientSeconds) / seconds,
  };
}

/** Publishes in the same way for every system: fills the window, goes on when half of it has arrived. */
async function pump(flow: Flow, wire: Wire, window: number, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    while (flow.underWay < window) {
      flow.published += 1;
      wire.publish();
    }
    await flow.until(window / 2);
  }
}

interface Snapshot {
  readonly atMs: number;
  readonly delivered: number;
  readonly serverSeconds: number | undefined;
  readonly clientSeconds: number;
}

function snapshot({ delivered }: Flow, serverPids: readonly number[]): Snapshot {
  const { user, system } = process.cpuUsage();
  return {
    atMs: performance.now(),
    delivered,
    serverSeconds: cpuSeconds(serverPids),
    clientSeconds: (user + system) / 1e6,
  };
}

async function measureLatency(flow: Flow, wire: Wire, task: Task): Promise<Measurement> {
  await sample(flow, wire, task.warmUpMs);
  const samplesMs = await sample(flow, wire, task.measureMs);
  samplesMs.sort((left, right) => left - right);
  const at = (share: number): number => samplesMs[Math.floor(samplesMs.length * share)] ?? NaN;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}

async function sample(flow: Flow, wire: Wire, spanMs: number): Promise<number[]> {
  const samplesMs: number[] = [];
  const endMs = performance.now() + spanMs;
  while (performance.now() < endMs && samplesMs.length < SAMPLES) {
    const sentMs = performance.now();
    flow.published += 1;
    wire.publish();
    await flow.until(0);
    samplesMs.push(performance.now() - sentMs);
  }
  return samplesMs;
}

/** Throws if a published event is missing: the run does not compare a system that loses events. */
async function arrival(flow: Flow): Promise<void> {
  const late = delay(DRAIN_MS).then(() => {
    throw new Error(`${flow.underWay} of ${flow.published} events did not arrive`);
  });
  await Promise.race([flow.until(0), late]);
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
