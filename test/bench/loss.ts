/** Measures how long the loss of a proxy with many players takes, and how long another node waits meanwhile. */
import { setTimeout as pause } from 'node:timers/promises';
import { apiAt } from '../support/wire/calls.js';
import { ListedProxy } from '../support/model/listed-proxy.js';
import { NodeProcess } from '../support/process/node-process.js';
import { startCoordinator } from './coordinator.js';
import { type Effort, loss } from './plan.js';
import type { Row, Table } from './report.js';
import type { Measurement } from './workload.js';

/** The number of players in one SyncPlayers. */
const PART = 1000;
/** Little history, which is not measured here, and a short grace, because the run waits for its end. */
const KEPT = ['--retention-entries', '1000', '--grace-seconds', '2'];
/** How often the other node publishes an event to itself. */
const BESIDE_MS = 5;
const LOOK_MS = 20;

/** Measures each size, one after the other. */
export async function measureLosses(
  { losses, repetitions }: Effort,
  onProgress: (text: string) => void,
): Promise<Table> {
  const rows: Row[] = [];
  for (const size of losses) {
    const title = `${size.toLocaleString('en')} players`;
    onProgress(`losing a proxy with ${title}`);
    const measurements: Measurement[] = [];
    for (let round = 0; round < repetitions; round++) measurements.push(await measureLoss(size));
    rows.push({ system: { wire: 'kelpie', server: 'kelpied', title }, measurements });
  }
  onProgress('');
  return { scenario: loss, rows };
}

async function measureLoss(size: number): Promise<Measurement> {
  const server = await startCoordinator(KEPT);
  const beside = new NodeProcess(server.endpoint, 'beside', undefined, BESIDE_MS);
  const gone = new AbortController();
  const api = apiAt(server.endpoint);
  const players = async (): Promise<number> => (await api.coordinator.getInfo({})).players;
  try {
    await beside.next('welcome');
    const proxy = new ListedProxy(server.endpoint, 'gate-1', gone.signal);
    for (let from = 0; from < size; from += PART) {
      await proxy.bring(from, PART);
      proxy.beat();
    }
    await beside.report();
    gone.abort();
    // The players leave after the grace of their proxy.
    while ((await players()) === size) await pause(LOOK_MS);
    const beganMs = performance.now();
    while ((await players()) > 0) await pause(LOOK_MS);
    const lostMs = performance.now() - beganMs;
    return { lostMs, waitedMs: (await beside.report()).slowestMs };
  } finally {
    gone.abort();
    api.close();
    await beside.kill();
    await server.stop();
  }
}
