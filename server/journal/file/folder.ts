/** The data directory: the checks of it, and small files that the journal replaces whole. */
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { JournalError } from '../error.js';
import { Damage } from './record.js';

/**
 * The format that this version writes. In format 2 the log may have holes. A journal of format 1 has none, so it is
 * a valid journal of format 2 without a change.
 */
export const FORMAT = 2;
export const FORMAT_FILE = 'format';
/** If a write fails on a disk with less free space than this, the disk counts as full. */
const FULL_BYTES = 2 ** 20;
const FORMAT_LINE = /^kelpie journal ([1-9]\d{0,8})( is being made)?\n$/;

/** Creates the folder if it is missing, and checks it. The parent must exist, so that a typo in the path is an error. */
export function prepareFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw folderFault(error, folder, 'cannot be created');
  }
  checkFolder(folder);
}

/** Throws a JournalError unless the folder exists and the process may use it. */
export function checkFolder(folder: string): void {
  try {
    if (!statSync(folder).isDirectory()) {
      throw new JournalError(
        'FOLDER',
        `The data directory ${folder} is not a directory. Name another one, or move that file away.`,
      );
    }
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    checkFiles(folder);
  } catch (error) {
    throw folderFault(error, folder, 'cannot be used');
  }
}

/** The names of the journal's files, and the names that they have while they are written. */
const OURS =
  /^(format|interval|room|journal\.(mdb|mdb-lock|copy)|credentials\.(mdb(-lock)?|required))(\.new)?$/;

/** Refuses a symbolic link in place of a file of the journal: the journal would write to the link's target. */
function checkFiles(folder: string): void {
  const odd = readdirSync(folder).find(
    (name) => OURS.test(name) && !lstatSync(join(folder, name)).isFile(),
  );
  if (odd === undefined) return;
  throw new JournalError(
    'FOLDER',
    `${join(folder, odd)} is not a regular file (perhaps a symbolic link), and the coordinator would write ` +
      'through it. Put the file itself there, or name another data directory.',
  );
}

export function folderFault(error: unknown, folder: string, what: string): JournalError {
  if (error instanceof JournalError) return error;
  const code = codeOf(error) ?? '';
  const advice: Record<string, string> = {
    ENOENT: existsSync(dirname(folder))
      ? 'Its parent directory takes no new directory. Name another directory.'
      : 'Its parent directory is missing. Create that first, or name another directory.',
    ENOTDIR: 'A part of its path is a file. Name another directory.',
    EACCES: 'Give the user that runs the coordinator the right to write there (chown, chmod).',
    EPERM: 'Give the user that runs the coordinator the right to write there (chown, chmod).',
    EROFS: 'Its file system is mounted read-only. Mount it for writing, or name another directory.',
    ENOSPC: 'The disk is full. Make room and start again.',
    EDQUOT: 'The quota of the disk is used up. Make room and start again.',
    EFBIG: 'Its files may not grow. Raise the limit (ulimit -f, LimitFSIZE) and start again.',
  };
  const help = advice[code] ?? 'Look at the file system, or name another directory.';
  return new JournalError(
    ['ENOSPC', 'EDQUOT'].includes(code) ? 'DISK_FULL' : 'FOLDER',
    `The data directory ${folder} ${what} (${code || String(error)}). ${help}`,
    error,
  );
}

/** More bytes than a start writes before its first commit. */
const ROOM_BYTES = 2 ** 16;

/**
 * Throws a JournalError if the disk has no room for a start. Without this check lmdb could end the process: it writes
 * its list of readers to a small file through a memory map, and a full disk behind that map causes a SIGBUS.
 */
export function checkRoom(folder: string): void {
  const path = join(folder, 'room');
  try {
    rmSync(path, { force: true });
    // Random bytes, because a file system that compresses would need no room for others.
    writeFileSync(path, randomBytes(ROOM_BYTES), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    throw folderFault(error, folder, 'cannot be written to');
  } finally {
    rmSync(path, { force: true });
  }
}

/** The error for the operator that explains an error of lmdb or of the file system. */
export function fileFault(error: unknown, folder: string): JournalError {
  if (error instanceof JournalError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (/ENOSPC|EDQUOT|No space left|quota/i.test(message) || isFull(folder)) {
    return new JournalError(
      'DISK_FULL',
      `The disk of ${folder} is full. Make room and start the coordinator again; ` +
        'until then the journal can be read but stores nothing.',
      error,
    );
  }
  if (
    /MDB_(CORRUPTED|PAGE_NOTFOUND|INVALID|VERSION_MISMATCH|PANIC)|Invalid key size/.test(message)
  ) {
    return new Damage(`a page of the file (${message})`, error);
  }
  return new JournalError(
    'IO',
    `The disk of ${folder} failed: ${message}. Look at the system's log, the disk and its quotas, then start ` +
      'the coordinator again; until then the journal stores nothing.',
    error,
  );
}

/** If only a part of a write fits on the disk, lmdb reports an input/output error, so the free space decides. */
function isFull(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize < FULL_BYTES;
  } catch {
    return false;
  }
}

/** The content of the format file. */
export interface Format {
  readonly number: number;
  /** The first start was interrupted, so the folder holds nothing that the journal acknowledged. */
  readonly unfinished: boolean;
}

/** Undefined if the folder has no format file yet. Throws a JournalError for a newer format. */
export async function readFormat(folder: string): Promise<Format | undefined> {
  const text = await readOwn(join(folder, FORMAT_FILE)).catch((error: unknown) => {
    throw folderFault(error, folder, 'cannot be read');
  });
  if (text === undefined) return undefined;
  const [, digits, making] = FORMAT_LINE.exec(text) ?? [];
  if (digits === undefined) throw new Damage(`the file ${join(folder, FORMAT_FILE)}`);
  const number = Number(digits);
  if (number > FORMAT) {
    throw new JournalError(
      'FORMAT',
      `The data directory ${folder} is of format ${number}, and this version of Kelpie reads formats up to ` +
        `${FORMAT}. Start the version that wrote it or a newer one, or name another directory.`,
    );
  }
  return { number, unfinished: making !== undefined };
}

/** A start writes `unfinished` before it creates the data, and writes the file again when the first state is on disk. */
export async function writeFormat(folder: string, unfinished: boolean): Promise<void> {
  const making = unfinished ? ' is being made' : '';
  await replaceFile(join(folder, FORMAT_FILE), `kelpie journal ${FORMAT}${making}\n`);
}

/** The content of a small file of the journal; undefined if it is missing. */
export async function readOwn(path: string): Promise<string | undefined> {
  const flag = constants.O_RDONLY | constants.O_NOFOLLOW;
  return readFile(path, { encoding: 'utf8', flag }).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
}

/** Replaces a file as a whole: whenever the process ends, the file has its old content or the new one. */
export async function replaceFile(path: string, content: string): Promise<void> {
  const fresh = `${path}.new`;
  // Removes the remains of a killed process. `wx` creates a new file, so no link is followed.
  await rm(fresh, { force: true });
  const file = await open(fresh, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(fresh, path);
  await syncFolder(dirname(path));
}

export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true });
  await syncFolder(dirname(path));
}

/** Makes the creation, renaming and removal of files in the folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
