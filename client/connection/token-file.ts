/**
 * The file of a node's token. It has the token alone, for its user to read. A token that is not good yet stands in a
 * file beside it, so that the file itself never has a token that no coordinator has accepted.
 */
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { drawToken, TOKEN_FILE_BYTES, tokenOf } from '../core/token.js';
import { KelpieError, messageOf } from '../errors.js';

/** Whether the client can sync a folder. Windows cannot. */
const FOLDERS = process.platform !== 'win32';

/** The token in the file; undefined if there is no file. Throws FILE_INVALID: a later attempt may succeed. */
export function readTokenFile(path: string): string | undefined {
  return ofFile(path, () => {
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found) return undefined;
    if (found.size > TOKEN_FILE_BYTES || !found.isFile())
      throw new Error('it is no file of a token');
    return tokenOf('its content', readFileSync(path, 'utf8').trim());
  });
}

/**
 * The token that waits for its Join: that of an earlier attempt, of this process or another one, or else a new one. It
 * is on the disk before the coordinator sees its hash. Throws FILE_INVALID.
 */
export function pendingToken(path: string): string {
  return ofFile(path, () => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const pending = pendingPath(path);
    const drawn = drawToken();
    const own = `${pending}.${drawn.slice(-8)}`;
    try {
      write(own, `${drawn}\n`);
      // Of several processes one creates the file, whole, and the others read it.
      if (!linked(own, pending))
        return tokenOf('its content', readFileSync(pending, 'utf8').trim());
      syncFolder(path);
      return drawn;
    } finally {
      rmSync(own, { force: true });
    }
  });
}

/** The coordinator has accepted the pending token: it becomes the token. Throws FILE_INVALID. */
export function acceptPending(path: string): void {
  ofFile(path, () => {
    try {
      renameSync(pendingPath(path), path);
    } catch (error) {
      // Another process of the node was faster.
      if (codeOf(error) !== 'ENOENT') throw error;
    }
    syncFolder(path);
  });
}

/** No coordinator has accepted the pending token, and the node does not ask again. Throws FILE_INVALID. */
export function dropPending(path: string): void {
  ofFile(path, () => rmSync(pendingPath(path), { force: true }));
}

function pendingPath(path: string): string {
  return `${path}.joining`;
}

/** False if the file is there already. */
function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

function write(path: string, text: string): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function syncFolder(path: string): void {
  if (!FOLDERS) return;
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

function ofFile<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const message = `the token file ${path} cannot be used: ${messageOf(cause)}`;
    throw new KelpieError('FILE_INVALID', message, { cause });
  }
}
