/** Data directories for tests, which remove them afterwards. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made: string[] = [];

/** Makes an empty folder. */
export function dataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kelpie-test-'));
  made.push(folder);
  return folder;
}

/** Removes all folders of this file. No process may use them any more. */
export function removeDataFolders(): void {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
}
