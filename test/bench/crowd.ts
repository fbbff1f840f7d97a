/** How fast a player is found among many, and what each of them takes. */
import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import { StartAt } from '../../gen/ts/kelpie/v1/cursor.js';
import { Player } from '../../gen/ts/kelpie/v1/player.js';
import {
  type ConnectRequest,
  type ConnectResponse,
  Heartbeat,
  Hello,
  type NodeFrame,
} from '../../gen/ts/kelpie/v1/session_service.js';
import { apiAt } from '../../client/api.js';
import { grpcTransport } from '../../client/transport.js';
import { ownMemoryOf } from '../support/memory.js';
import { startCoordinator } from './children.js';
import { type Effort, players } from './plan.js';
import type { Row, Table } from './report.js';
import type { Measurement } from './workload.js';

/** Of one SyncPlayers. */
const PART = 1000;
/** Players of one proxy. */
const HELD = 10_000;
const SAMPLES = 2000;
/** History is not what is measured. */
const KEPT = ['--retention-entries', '1000'];

/** Measures one size after the other. */
export async function measureCrowds(
  { crowds, repetitions }: Effort,
  onProgress: (text: string) => void,
): Promise<Table> {
  const rows: Row[] = [];
  for (const size of crowds) {
    const title = `${size.toLocaleString('en')} players`;
    onProgress(title);
    const measurements: Measurement[] = [];
    const rounds = size > 100_000 ? 1 : repetitions;
    for (let round = 0; round < rounds; round++) measurements.push(await measureCrowd(size));
    rows.push({ system: { wire: 'kelpie', server: 'kelpied', title }, measurements });
  }
  onProgress('');
  return { scenario: players, rows };
}

async function measureCrowd(size: number): Promise<Measurement> {
  const server = await startCoordinator(KEPT);
  const end = new AbortController();
  // One a gate.
  setMaxListeners(0, end.signal);
  const gateAt = (from: number): Gate => new Gate(server.endpoint, from / HELD, end.signal);
  try {
    const gates = [gateAt(0)];
    // What the first part costs is the program's warming up.
    await gates[0]?.bring(0, PART);
    const before = ownMemoryOf(server.pid);
    const beganMs = performance.now();
    for (let from = PART; from < size; from += PART) {
      if (from % HELD === 0) {
        // Or those before would fall silent, and their players leave.
        for (const gate of gates) gate.beat();
        gates.push(gateAt(from));
      }
      await gates.at(-1)?.bring(from, PART);
    }
    for (const gate of gates) gate.beat();
    const fillSeconds = (performance.now() - beganMs) / 1000;
    const grown = ownMemoryOf(server.pid) - before;
    const bytesEach = size > PART ? grown / (size - PART) : undefined;
    const found = await lookUp(server.endpoint, size);
    return { fillSeconds, ...(bytesEach !== undefined && { bytesEach }), ...found };
  } finally {
    end.abort();
    await server.stop();
  }
}

/** A proxy that says whom it has, and nothing else. */
class Gate {
  readonly #responses: AsyncGenerator<ConnectResponse, undefined>;
  readonly #requests: ConnectRequest[] = [];
  #wake = (): void => undefined;

  constructor(endpoint: string, number: number, signal: AbortSignal) {
    this.#responses = each(grpcTransport(endpoint)(this.#outgoing(), signal));
    const start = { place: { $case: 'at', value: StartAt.LATEST } } as const;
    const facts = { name: `gate-${number}`, role: NodeRole.PROXY, instanceId: randomBytes(16) };
    this.#send({ $case: 'hello', value: { ...Hello.create(facts), start } });
  }

  async *#outgoing(): AsyncGenerator<ConnectRequest> {
    for (;;) {
      const next = this.#requests.shift();
      if (next) yield next;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #send(frame: NonNullable<NodeFrame['frame']>): void {
    this.#requests.push({ frames: [{ requestId: 0, frame }] });
    this.#wake();
  }

  beat(): void {
    this.#send({ $case: 'heartbeat', value: Heartbeat.create() });
  }

  /** Resolves when the coordinator has them. */
  async bring(from: number, count: number): Promise<void> {
    const some = Array.from({ length: count }, (_, index) => playerOf(from + index));
    const last = some.at(-1)?.xuid ?? '';
    const value = { asOf: 0, afterId: last, upToId: last, players: some, loginAges: {} };
    this.#send({ $case: 'syncPlayers', value });
    for (;;) {
      const next = await this.#responses.next();
      if (next.done) throw new Error('the stream of the proxy ended');
      if (next.value.frames.some(({ frame }) => frame?.$case === 'playersSynced')) return;
    }
  }
}

async function* each<T>(all: AsyncIterable<T>): AsyncGenerator<T, undefined> {
  yield* all;
}

function playerOf(number: number): Player {
  const xuid = String(2_535_400_000_000_000 + number);
  const device = { os: 'Android', model: 'Pixel 8', input: 'touch' };
  const facts = { address: '203.0.113.7', language: 'en_GB', protocolVersion: 685 };
  return { ...Player.create({ xuid, name: nameOf(number), ...facts }), device };
}

function nameOf(number: number): string {
  return `Player Number ${number}`;
}

async function lookUp(endpoint: string, size: number): Promise<Measurement> {
  const api = apiAt(endpoint);
  const samplesMs: number[] = [];
  for (let sample = 0; sample < SAMPLES; sample++) {
    const name = nameOf((sample * 7919) % size);
    const beganMs = performance.now();
    await api.players.getPlayer({ player: { by: { $case: 'name', value: name } } });
    samplesMs.push(performance.now() - beganMs);
  }
  api.close();
  samplesMs.sort((left, right) => left - right);
  return { p50Ms: samplesMs[SAMPLES / 2] ?? NaN, p99Ms: samplesMs[SAMPLES * 0.99] ?? NaN };
}
