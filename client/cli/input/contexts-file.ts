/** The file of contexts: read only if nobody else can change it, and changed by one process at a time. */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync } from 'node:fs';
import { lstatSync, realpathSync, rmSync, statSync, writeSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../errors.js';
import { UsageError } from '../output/output.js';

/** The file is short; a larger one is another file. */
const MOST_BYTES = 1 << 20;
const OTHERS_WRITE = 0o022;
/** A change takes milliseconds. */
const LOCK_TRIES = 100;
const LOCK_PAUSE_MS = 20;

/** `$XDG_CONFIG_HOME/kelpie/contexts.yaml`, or below `~/.config`. */
export function contextsFile(): string {
  const set = process.env['XDG_CONFIG_HOME'];
  const folder = set?.startsWith('/') ? set : join(homedir(), '.config');
  return join(folder, 'kelpie', 'contexts.yaml');
}

/** The text of the file; undefined if there is none. Throws a UsageError for a file that others can change. */
export function readContextsText(): string | undefined {
  const file = contextsFile();
  try {
    const found = statSync(file, { throwIfNoEntry: false });
    if (!found) return undefined;
    checkFile(file, found.isFile() && found.size <= MOST_BYTES);
    for (const path of [dirname(file), dirname(realpathSync(file)), file]) checkTrusted(path);
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${file} cannot be read: ${messageOf(error)}`);
  }
}

/** Runs `work` while no other process changes the file; `work` can replace its text. Rejects with a UsageError. */
export async function withContextsLock<T>(
  work: (replaceText: (text: string) => void) => T,
): Promise<T> {
  const file = contextsFile();
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const target = targetOf(file);
    const lock = `${target}.lock`;
    closeSync(await locked(lock));
    try {
      return work((text) => replace(target, text));
    } finally {
      rmSync(lock, { force: true });
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${file} cannot be written: ${messageOf(error)}`);
  }
}

/** The file itself, where a symbolic link stands for it. */
function targetOf(file: string): string {
  if (statSync(file, { throwIfNoEntry: false })) return realpathSync(file);
  if (!lstatSync(file, { throwIfNoEntry: false })) return file;
  throw new UsageError(`${file} is a link to a file that does not exist; remove the link`);
}

/** Creates the lock file. The process that creates it has the lock until it removes the file. */
async function locked(lock: string): Promise<number> {
  for (let tries = 1; ; tries += 1) {
    try {
      return openSync(lock, 'wx', 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (tries === LOCK_TRIES) break;
    await sleep(LOCK_PAUSE_MS);
  }
  throw new UsageError(
    `another kelpie holds ${lock}; if none is running, remove this file: rm '${lock}'`,
  );
}

/** In one step, so that a reader sees the old text or the new one. */
function replace(target: string, text: string): void {
  const next = `${target}.${process.pid}`;
  try {
    rmSync(next, { force: true });
    const open = openSync(next, 'wx', 0o600);
    writeSync(open, text);
    fsyncSync(open);
    closeSync(open);
    renameSync(next, target);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
}

function checkFile(file: string, fits: boolean): void {
  if (!fits) throw new UsageError(`${file} is no file of contexts; move it to another place`);
}

/** A user who can change the file can send the token and the commands to a machine of their own. */
function checkTrusted(path: string): void {
  const { uid, mode } = statSync(path);
  const mine = [process.getuid?.() ?? uid, 0].includes(uid);
  if (mine && (mode & OTHERS_WRITE) === 0) return;
  throw new UsageError(
    `${path} can be changed by other users, so its contexts are not used: chmod go-w '${path}', ` +
      'and look at what is in it',
  );
}
