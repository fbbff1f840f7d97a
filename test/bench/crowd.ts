/** Measures how fast a player is found among many, and how much memory each player needs. */
import { setMaxListeners } from 'node:events';
import { apiAt } from '../support/wire/calls.js';
import { ListedProxy, nameOf } from '../support/model/listed-proxy.js';
import { ownMemoryOf } from '../support/process/memory.js';
import { startCoordinator } from './coordinator.js';
import { type Effort, players } from './plan.js';
import type { Row, Table } from './report.js';
import type { Measurement } from './workload.js';

/** The number of players in one SyncPlayers. */
const PART = 1000;
/** The number of players of one proxy. */
const HELD = 10_000;
const SAMPLES = 2000;
/** The options keep little history, which is not measured here. */
const KEPT = ['--retention-entries', '1000'];

/** Measures each size, one after the other. */
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
  // Each proxy adds a listener to the signal.
  setMaxListeners(0, end.signal);
  const gateAt = (from: number): ListedProxy =>
    new ListedProxy(server.endpoint, `gate-${from / HELD}`, end.signal);
  try {
    const gates = [gateAt(0)];
    // The first part also pays for the warming up of the program, so it does not count.
    await gates[0]?.bring(0, PART);
    const before = ownMemoryOf(server.pid);
    const beganMs = performance.now();
    for (let from = PART; from < size; from += PART) {
      if (from % HELD === 0) {
        // Without heartbeats the earlier proxies would count as silent, and their players would leave.
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
