/** `kelpied data`: shows, checks or compacts a data directory that no coordinator uses. */
import { resolve } from 'node:path';
import { aligned } from './config/print.js';
import type { FolderTask } from './config/data-task.js';
import { printable } from '../core/printable.js';
import { realClock } from '../core/real-clock.js';
import { checkData, type DataCheck } from '../journal/file/check.js';
import { compactData, type DataInfo, infoData } from '../journal/file/data.js';
import { checkCredentials } from '../journal/file/file-credential-store.js';
import { networkFolder } from '../journal/file/network-folders.js';
import { asOwner } from './as-owner.js';
import { Progress } from './progress.js';

/** The outcome of a task, as text for people and as JSON for programs. `fine`: the directory is not damaged. */
interface Outcome {
  readonly text: string;
  readonly json: object;
  readonly fine: boolean;
}

/** The number of credentials. The directory of a network other than main has none: the store is for all networks. */
interface Credentials {
  readonly credentials: number | undefined;
}

/** The most findings that a check lists. */
const FINDINGS = 100;

/** Runs the task and prints its outcome. Resolves with the exit code: 0, or 1 for damage or an error. */
export async function runDataTask(task: FolderTask, data: string): Promise<number> {
  const { action, json, network } = task;
  const progress = new Progress(process.stderr, () => performance.now());
  try {
    // The absolute path: the operator may not know in which folder the coordinator runs.
    const directory = networkFolder(resolve(data), network);
    const outcome = await asOwner(directory, () => tasks[action](directory, progress)).finally(() =>
      progress.end(),
    );
    const text = json ? `${JSON.stringify({ directory, ...outcome.json })}\n` : outcome.text;
    // Peers chose the topics and keys in the text, so they may contain any character.
    process.stdout.write(text.split('\n').map(printable).join('\n'));
    return outcome.fine ? 0 : 1;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`kelpied: ${printable(message)}\n`);
    return 1;
  }
}

const tasks: Record<
  FolderTask['action'],
  (directory: string, progress: Progress) => Promise<Outcome>
> = {
  info: async (directory) => {
    const { credentials } = (await checkCredentials(directory, realClock)) ?? {};
    const found = { ...(await infoData(directory)), credentials };
    return { text: infoText(directory, found), json: found, fine: true };
  },
  check: async (directory, progress) => {
    const stored = await checkCredentials(directory, realClock);
    const journal = await checkData(directory, (done, of) =>
      progress.tell(`checked ${done} of ${of} entries`),
    );
    const damaged = stored?.damaged.map((id) => `credential ${id} is damaged`) ?? [];
    const found = {
      ...{ ...journal, credentials: stored?.credentials },
      findings: [...damaged, ...journal.findings].slice(0, FINDINGS),
      faults: journal.faults + damaged.length,
    };
    return { text: checkText(directory, found), json: found, fine: found.faults === 0 };
  },
  compact: async (directory, progress) => {
    const steps = {
      copying: 'copying the pages in use',
      swapping: 'replacing the file by the copy',
    };
    const sizes = await compactData(directory, (step) => progress.tell(steps[step]));
    const { beforeBytes, afterBytes } = sizes;
    const text = `${directory} took ${sizeOf(beforeBytes)} and takes ${sizeOf(afterBytes)} now.\n`;
    return { text, json: sizes, fine: true };
  },
};

function infoText(directory: string, info: DataInfo & Credentials): string {
  const { format, epoch, entries, bytes, fileBytes, oldest, newest, topics } = info;
  const { credentials } = info;
  const end = (at: DataInfo['oldest']): string =>
    at ? `${at.sequence}, of ${new Date(at.atMs).toISOString()}` : '-';
  return aligned([
    ['directory', directory],
    ['format', String(format)],
    ['epoch', epoch],
    ['entries', `${entries}, ${sizeOf(bytes)}`],
    ['file', sizeOf(fileBytes)],
    ['oldest', end(oldest)],
    ['newest', end(newest)],
    ...(credentials === undefined ? [] : [['credentials', String(credentials)] as const]),
    ...topics.map(({ prefix, goneUpTo }): [string, string] => [
      'own retention',
      `${prefix}${goneUpTo > 0 ? `, removed up to ${goneUpTo}` : ''}`,
    ]),
  ]);
}

function checkText(directory: string, found: DataCheck & Credentials): string {
  const { entries, rows, credentials, findings, faults } = found;
  if (faults === 0) {
    const inJournal = `${entries} entries${credentials === undefined ? ' and' : ','} ${rows} rows`;
    const others = credentials === undefined ? '' : ` and ${credentials} credentials`;
    return `${directory} is whole: ${inJournal}${others} are as they were written.\n`;
  }
  const unnamed = faults - findings.length;
  const lines = unnamed > 0 ? [...findings, `and ${unnamed} more`] : findings;
  return `${directory} is damaged: ${faults} of its records differ from the written ones.

${lines.map((line) => `  ${line}\n`).join('')}
Restore a copy of the directory. If there is no copy, move this directory aside and start
the coordinator with an empty one: nodes come back by themselves, and history begins anew.
`;
}

function sizeOf(bytes: number): string {
  return bytes < 2 ** 20
    ? `${(bytes / 1024).toFixed(1)} KiB`
    : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
