/** The data directory: what can be wrong with it, and small files that are replaced whole. */
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  constants,
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
 * The format that this version writes. In 2 the log may have holes; what is of format 1 has none, and is
 * of format 2 as it is.
 */
export const FORMAT = 2;
const FORMAT_FILE = 'format';
/** With less than that free, a disk that fails to write is full. */
const FULL_BYTES = 2 ** 20;
const FORMAT_LINE = /^kelpie journal ([1-9]\d{0,8})( is being made)?\n$/;

/** Makes sure of a folder that can be written. Its parent must be there, so that a typo is told. */
export function prepareFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw folderFault(error, folder, 'cannot be made');
  }
  checkFolder(folder);
}

/** The same for a folder that must be there already. */
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

/** Files that are ours, and what they are called until they are whole. */
const OURS = /^(format|interval|room|journal\.(mdb|mdb-lock|copy))(\.new)?$/;

/** Whatever else stands in place of one of our files, a symbolic link above all, would be written to where it leads. */
function checkFiles(folder: string): void {
  const odd = readdirSync(folder).find(
    (name) => OURS.test(name) && !lstatSync(join(folder, name)).isFile(),
  );
  if (odd === undefined) return;
  throw new JournalError(
    'FOLDER',
    `${join(folder, odd)} is no file but something else, such as a symbolic link, and the coordinator would write ` +
      'through it. Put the file itself there, or name another data directory.',
  );
}

/** What an operator should hear of a folder that can be used. */
export function warningOf(folder: string): string | undefined {
  const OTHERS_WRITE = 0o002;
  if ((statSync(folder).mode & OTHERS_WRITE) === 0) return undefined;
  return `every user of this machine may write to the data directory ${folder}: take that right away (chmod o-w)`;
}

export function folderFault(error: unknown, folder: string, what: string): JournalError {
  if (error instanceof JournalError) return error;
  const code = codeOf(error) ?? '';
  const advice: Record<string, string> = {
    ENOENT: 'Its parent directory is missing: make that first, or name another directory.',
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

/** More than a start writes before its first commit. */
const ROOM_BYTES = 2 ** 16;

/**
 * Makes sure that there is room to start. Without it lmdb would end the process: it notes its readers in a
 * small file through a memory map, and what finds no place behind that is SIGBUS.
 */
export function checkRoom(folder: string): void {
  const path = join(folder, 'room');
  try {
    rmSync(path, { force: true });
    // What cannot be compressed, or it would prove little.
    writeFileSync(path, randomBytes(ROOM_BYTES), { flag: 'wx' });
  } catch (error) {
    throw folderFault(error, folder, 'cannot be written to');
  } finally {
    rmSync(path, { force: true });
  }
}

/** What lmdb or the file system said, for an operator. */
export function fileFault(error: unknown, folder: string): JournalError {
  if (error instanceof JournalError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (/ENOSPC|EDQUOT|No space left|quota/i.test(message) || isFull(folder)) {
    return new JournalError(
      'DISK_FULL',
      `The disk of ${folder} is full. Make room and start the coordinator again; ` +
        'until then the journal can be read and takes nothing.',
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
      'the coordinator again; until then the journal takes nothing.',
    error,
  );
}

/** lmdb calls it an input/output error when only a part of what it writes finds room. */
function isFull(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize < FULL_BYTES;
  } catch {
    return false;
  }
}

/** What a folder says of itself. */
export interface Format {
  readonly number: number;
  /** The first start was cut short: nothing that is there was ever told. */
  readonly unfinished: boolean;
}

/** Undefined if nothing was stored in a folder yet. Throws a JournalError for a newer format. */
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
      `The data directory ${folder} is of format ${number}, and this version of Kelpie knows ` +
        `${FORMAT} at the most. Start the version that wrote it or a newer one, or name another directory.`,
    );
  }
  return { number, unfinished: making !== undefined };
}

/** `unfinished` before there is data, and again without it when the first state is on the disk. */
export async function writeFormat(folder: string, unfinished: boolean): Promise<void> {
  const making = unfinished ? ' is being made' : '';
  await replaceFile(join(folder, FORMAT_FILE), `kelpie journal ${FORMAT}${making}\n`);
}

/** What a small file of ours says; undefined if it is not there. */
export async function readOwn(path: string): Promise<string | undefined> {
  const flag = constants.O_RDONLY | constants.O_NOFOLLOW;
  return readFile(path, { encoding: 'utf8', flag }).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
}

/** Replaces a file as a whole: whenever it ends, the former content is there, or the new one. */
export async function replaceFile(path: string, content: string): Promise<void> {
  const fresh = `${path}.new`;
  // What a process left that was killed. A new file is made, so that no link is followed.
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

/** Makes names that came and went durable. */
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
