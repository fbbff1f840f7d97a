/** Data directories for tests, gone afterwards. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made: string[] = [];

/** An empty folder of its own. */
export function dataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kelpie-test-'));
  made.push(folder);
  return folder;
}

/** Removes all folders that were made so far. Nothing may work in them any more. */
export function removeDataFolders(): void {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
}
