/**
 * A file beside the credentials that says that the coordinator has had one. An empty store without it is new; an empty
 * store with it has lost its records, and must not make the coordinator open for everybody.
 */
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { CredentialsMark } from '../credential-store.js';
import { codeOf, prepareFolder, syncFolder } from './folder.js';

const MARK_FILE = 'credentials.required';
const TEXT =
  'This coordinator has had credentials, and does not start without them.\n' +
  'If they are lost, kelpied token create makes a new operator.\n';

export function isMarked(folder: string): boolean {
  return existsSync(join(folder, MARK_FILE));
}

/** Makes the mark, unless another process did. Resolves when it is durable. */
export async function mark(folder: string): Promise<void> {
  try {
    const file = await open(join(folder, MARK_FILE), 'wx', 0o600);
    try {
      await file.writeFile(TEXT);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  await syncFolder(folder);
}

/**
 * The mark of a coordinator whose credentials are elsewhere, in its data directory, which is created with the mark. Where
 * it cannot be written, `onUnwritable` gets the error, and the coordinator goes on.
 */
export function markIn(folder: string, onUnwritable: (error: unknown) => void): CredentialsMark {
  let isTold = false;
  return {
    isSet: () => isMarked(folder),
    set: async () => {
      try {
        prepareFolder(folder);
        await mark(folder);
      } catch (error) {
        if (!isTold) onUnwritable(error);
        isTold = true;
      }
    },
  };
}
