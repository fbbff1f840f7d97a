/** Measures a search for a topic that has no entries, and how long another node waits meanwhile. */
import { apiAt } from '../support/wire/calls.js';
import { StartAt } from '../../gen/ts/kelpie/v1/cursor.js';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';
import { NodeProcess } from '../support/process/node-process.js';
import { startCoordinator } from './coordinator.js';
import { fill, KEPT } from './history.js';
import { type Effort, search } from './plan.js';
import type { Row, Table } from './report.js';
import type { Measurement } from './workload.js';

/** How often the other node publishes an event to itself. */
const BESIDE_MS = 5;
const MILLION = 1_000_000;

/** Measures each size, one after the other. No server of the other tables may still run. */
export async function measureSearches(
  { searches, repetitions }: Effort,
  onProgress: (text: string) => void,
): Promise<Table> {
  const rows: Row[] = [];
  for (const entries of searches) {
    const title = `${entries.toLocaleString('en')} entries in files`;
    onProgress(`a search in ${title}`);
    const folder = dataFolder();
    await fill(folder, entries);
    const measurements: Measurement[] = [];
    for (let round = 0; round < repetitions; round++)
      measurements.push(await measureSearch(folder, entries));
    removeDataFolders();
    rows.push({ system: { wire: 'kelpie', server: 'kelpied-commit', title }, measurements });
  }
  onProgress('');
  return { scenario: search, rows };
}

async function measureSearch(folder: string, entries: number): Promise<Measurement> {
  const server = await startCoordinator(['--journal', 'file', '--data', folder, ...KEPT]);
  const beside = new NodeProcess(server.endpoint, 'beside', undefined, BESIDE_MS);
  const api = apiAt(server.endpoint);
  const start = { place: { $case: 'at', value: StartAt.EARLIEST } } as const;
  try {
    await beside.next('welcome');
    await beside.report();
    const beganMs = performance.now();
    await api.events.readEvents({ topics: ['nobody.publishes.this'], start });
    const searchMs = performance.now() - beganMs;
    const perMillionMs = (searchMs * MILLION) / entries;
    return { perMillionMs, waitedMs: (await beside.report()).slowestMs };
  } finally {
    api.close();
    await beside.kill();
    await server.stop();
  }
}
