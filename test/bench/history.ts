/** Measures how long kelpied needs to start on a data directory of some size, and how fast a client reads all of it. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { MessageOrigin, Event } from '../../gen/ts/kelpie/v1/event.js';
import { FileJournal } from '../../server/journal/file/file-journal.js';
import { type Draft, type Retention, TRANSACTION_ENTRIES } from '../../server/journal/journal.js';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';
import { realClock } from '../support/clock/real-clock.js';
import { startClients } from './children.js';
import { startCoordinator } from './coordinator.js';
import { type Effort, history, type HistorySize, PAYLOAD_BYTES, TOPIC } from './plan.js';
import type { Row, Table } from './report.js';
import type { Measurement } from './workload.js';

/** The highest limits of retention that kelpied accepts. */
const kept: Retention = { entries: 100_000_000, bytes: 2 ** 40, ageMs: 24 * 3_600_000 };
export const KEPT = [
  ['--retention-entries', String(kept.entries)],
  ['--retention-bytes', String(kept.bytes)],
].flat();

/** The transactions of one commit: 100,000 entries. */
const TRANSACTIONS = 100;

/** Measures each size, one after the other. No server of the other tables may still run. */
export async function measureHistories(
  { histories }: Effort,
  onProgress: (text: string) => void,
): Promise<Table> {
  const rows: Row[] = [];
  for (const size of histories) {
    onProgress(`a data directory with ${titleOf(size)}`);
    rows.push(await measureSize(size));
  }
  onProgress('');
  return { scenario: history, rows };
}

async function measureSize(size: HistorySize): Promise<Row> {
  const folder = dataFolder();
  const beganMs = performance.now();
  await fill(folder, size.entries);
  const fillSeconds = (performance.now() - beganMs) / 1000;
  const measurements: Measurement[] = [];
  for (let round = 0; round < size.rounds; round++) {
    const mebibytes = statSync(join(folder, 'journal.mdb')).size / 2 ** 20;
    measurements.push({ fillSeconds, mebibytes, ...(await measureOnce(folder, size.entries)) });
  }
  removeDataFolders();
  const system = { wire: 'kelpie', server: 'kelpied-commit', title: titleOf(size) } as const;
  return { system, measurements };
}

function titleOf({ entries }: HistorySize): string {
  return `${entries.toLocaleString('en')} entries`;
}

/** Fills the directory through the engine itself, because publishers would need much longer. */
export async function fill(folder: string, entries: number): Promise<void> {
  const options = { folder, clock: realClock, retention: kept };
  const journal = await FileJournal.open(options);
  const transaction = { entries: Array<Draft>(TRANSACTION_ENTRIES).fill(draft()) };
  const transactions = Array(TRANSACTIONS).fill(transaction) as (typeof transaction)[];
  for (let left = entries; left > 0; left -= TRANSACTIONS * TRANSACTION_ENTRIES) {
    await journal.append(transactions.slice(0, Math.ceil(left / TRANSACTION_ENTRIES)));
  }
  await journal.close();
}

/** An entry like that of a publisher's event. */
function draft(): Draft {
  const content = { form: { $case: 'data', value: new Uint8Array(PAYLOAD_BYTES) } } as const;
  const message = { type: '', content, attributes: {}, origin: MessageOrigin.NODE };
  const event = Event.encode({
    sequence: 0,
    topic: TOPIC,
    source: 'bench-publisher',
    time: new Date(),
    body: { $case: 'messagePublished', value: message },
  }).finish();
  return { topic: TOPIC, event, source: 'bench-publisher' };
}

async function measureOnce(folder: string, events: number): Promise<Measurement> {
  const beganMs = performance.now();
  const server = await startCoordinator(['--journal', 'file', '--data', folder, ...KEPT]);
  const startMs = performance.now() - beganMs;
  const clients = startClients('kelpie');
  try {
    if (events === 0) return { startMs };
    const { endpoint, pid } = server;
    const span = { warmUpMs: 0, measureMs: 0 };
    const task = {
      kind: 'history',
      subscribers: 1,
      ...span,
      endpoint,
      serverPids: [pid],
      events,
    } as const;
    return { startMs, ...(await clients.measure(task)) };
  } finally {
    clients.stop();
    await server.stop();
  }
}
