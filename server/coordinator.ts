/**
 * The composition root: the only file that knows every part. Starts them in order, stops them in
 * the opposite one, and can be embedded in another process.
 */
import { randomUUID } from 'node:crypto';
import { type ConnectRequest, ConnectResponse } from '../gen/ts/kelpie/v1/session_service.js';
import type { Clock } from './core/clock.js';
import { Network } from './domain/network.js';
import { Nodes } from './domain/nodes.js';
import { defaultLimits, defaultTimes, type Limits, type Times } from './domain/settings.js';
import type { Retention } from './journal/journal.js';
import { MemoryJournal } from './journal/memory.js';
import type { TailLimits } from './journal/tail.js';
import { createEdge } from './rpc/server.js';
import { Hub } from './session/hub.js';
import { serve } from './session/session.js';
import { version } from './version.js';

/** Everything that can be set. */
export interface CoordinatorOptions {
  /** Where to listen. Default 127.0.0.1. */
  readonly host?: string;
  /** The port; 0 takes a free one. Default 50051. */
  readonly port?: number;
  /** How much history is kept. Default 1,000,000 entries, 1 GiB, 24 h. */
  readonly retention?: Partial<Retention>;
  /** How much of it is kept encoded, for readers that are nearly caught up. */
  readonly tail?: Partial<TailLimits>;
  /** What may be sent. */
  readonly limits?: Partial<Limits>;
  /** How long things take. */
  readonly times?: Partial<Times>;
  /** Time, for tests. */
  readonly clock?: Clock;
  /** Hears of faults. Default: one line each on stderr. */
  readonly onFault?: (error: unknown) => void;
}

/** What the client calls a Transport; the two sides do not import each other. */
export type InProcessTransport = (
  requests: AsyncIterable<ConnectRequest>,
  signal: AbortSignal,
) => AsyncIterable<ConnectResponse>;

/** A coordinator that runs. */
export interface Coordinator {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /**
   * A way into this coordinator without a socket, for `connect({ transport })` in the same process:
   * a proxy that carries its coordinator is attached by it.
   */
  transport(): InProcessTransport;
  /** Lets sessions move on, then stops. Resolves when nothing is left. Safe to call again. */
  stop(): Promise<void>;
}

export const defaultRetention: Retention = {
  entries: 1_000_000,
  bytes: 1024 ** 3,
  ageMs: 24 * 60 * 60 * 1000,
};

const defaultTail: TailLimits = { entries: 65_536, bytes: 64 * 1024 ** 2 };

/** Starts a coordinator. Rejects if it cannot listen. */
export async function startCoordinator(options: CoordinatorOptions = {}): Promise<Coordinator> {
  const { host = '127.0.0.1', port = 50_051, clock = realClock, onFault = printFault } = options;
  const journal = new MemoryJournal(clock, { ...defaultRetention, ...options.retention });
  const network = await Network.open({
    name: 'main',
    coordinatorId: randomUUID(),
    version,
    journal,
    clock,
    limits: { ...defaultLimits, ...options.limits },
    times: { ...defaultTimes, ...options.times },
    tail: { ...defaultTail, ...options.tail },
    onFault,
  });
  const nodes = new Nodes(network);
  const hub = new Hub(network, nodes);
  const edge = createEdge(hub);

  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    edge.notServing();
    await hub.drain();
    await edge.stop();
    nodes.close();
    await journal.close();
  };
  try {
    const bound = await edge.listen(host, port);
    const id = network.options.coordinatorId;
    const transport = () => inProcess(hub);
    return { id, host, port: bound, transport, stop: () => (stopping ??= stop()) };
  } catch (error) {
    await stop();
    throw error;
  }
}

function inProcess(hub: Hub): InProcessTransport {
  return async function* connect(requests, signal) {
    for await (const bytes of serve(requests, { host: '127.0.0.1', signal }, hub)) {
      yield ConnectResponse.decode(bytes);
    }
  };
}

const realClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(delayMs, ring) {
    const timer = setTimeout(ring, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

function printFault(error: unknown): void {
  process.stderr.write(
    `kelpied: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
}
