/** `kelpied data export` and `kelpied data import`: a network moves between data directories and Redis. */
import { realClock } from '../../core/real-clock.js';
import { hex } from '../../core/cursor.js';
import { printable } from '../../core/printable.js';
import { version } from '../../core/version.js';
import { moveIn, moveOut } from './move.js';
import type { Storage } from '../../journal/storage.js';
import type { MoveTask } from '../config/data-task.js';
import type { Settings } from '../config/settings.js';
import { Progress } from '../progress.js';
import { openStorage } from './storage-place.js';

/** The outcome, as text for people and as JSON for programs. */
interface Outcome {
  readonly text: string;
  readonly json: object;
}

interface Counts {
  readonly entries: number;
  readonly rows: number;
  readonly producers: number;
  readonly credentials: number;
}

/** Runs the task and prints its outcome. Resolves with the exit code: 0, or 1 for an error. */
export async function runMoveTask(task: MoveTask, settings: Settings): Promise<number> {
  // It tidies up. A second signal ends the process at once.
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => interrupt.abort());
  const progress = new Progress(process.stderr, () => performance.now());
  let storage: Storage | undefined;
  try {
    storage = await openStorage(settings, realClock, complain);
    const { text, json } = await outcomeOf(
      task,
      storage,
      progress,
      interrupt.signal,
      settings.journal,
    );
    progress.end();
    process.stdout.write(task.json ? `${JSON.stringify(json)}\n` : text);
    return 0;
  } catch (error) {
    progress.end();
    complain(error instanceof Error ? error.message : String(error));
    return 1;
  } finally {
    await storage?.close();
  }
}

async function outcomeOf(
  task: MoveTask,
  storage: Storage,
  progress: Progress,
  interrupt: AbortSignal,
  journal: Settings['journal'],
): Promise<Outcome> {
  const { file } = task;
  const { place } = storage;
  if (task.action === 'export') {
    const { network } = task;
    const onEntries = (done: number, of: number): void =>
      progress.tell(`exported ${done} of ${of} entries`);
    const counts = await moveOut(storage, { network, version, file, onEntries, interrupt });
    return {
      text: exportText({ file, network, place }, counts, journal),
      json: { file, ...counts },
    };
  }
  const onEntries = (done: number, of: number): void =>
    progress.tell(`imported ${done} of ${of} entries`);
  const { replace } = task;
  const { network, epoch, ...counts } = await moveIn(storage, {
    ...{ file, replace, clock: realClock, onEntries, interrupt },
  });
  const json = { place, network, epoch: hex(epoch), ...counts };
  return { text: importText({ network, place, epoch: hex(epoch) }, counts), json };
}

function exportText(
  { file, network, place }: { file: string; network: string; place: string },
  counts: Counts,
  journal: Settings['journal'],
): string {
  const other = journal === 'redis' ? 'file --data data' : 'redis --redis redis://127.0.0.1:6379';
  return `${printable(file)} has the network ${printable(network)} of ${printable(place)}: ${inWords(counts)}.
You alone can read it: it has the addresses of players and the hashes of tokens. Remove it after the import.

Try next:
  kelpied data import ${printable(file)} --journal ${other}
`;
}

function importText(
  { network, place, epoch }: { network: string; place: string; epoch: string },
  counts: Counts,
): string {
  return `${printable(place)} has the network ${network} now: ${inWords(counts)}. Of the entries it keeps
as many as the retention of these settings allows.

A new epoch begins, ${epoch}. Each client that comes back gets a Gap and a Snapshot once.
`;
}

function inWords({ entries, rows, producers, credentials }: Counts): string {
  return `${entries} entries, ${rows} rows, ${producers} publishers and ${credentials} credentials`;
}

function complain(message: string): void {
  process.stderr.write(`kelpied: ${printable(message)}\n`);
}
