/** NATS on this machine: its server if it is installed, and its client in a folder of its own. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The compiled file lies one folder deeper, in dist. */
const FOLDER = fileURLToPath(new URL('../../../test/bench/', import.meta.url));

export const natsPackage = {
  load: (): unknown => createRequire(join(FOLDER, 'package.json'))('nats') as unknown,

  /** Installs the client unless it is installed. Returns whether it is installed now. */
  install: (): boolean => {
    if (existsSync(join(FOLDER, 'node_modules', 'nats'))) return true;
    return spawnSync('npm', ['ci'], { cwd: FOLDER, stdio: 'ignore' }).status === 0;
  },
};

/** The path of nats-server; undefined if it is not installed. */
export function findNatsServer(): string | undefined {
  const { PATH = '', GOBIN, GOPATH } = process.env;
  const goPaths = (GOPATH ?? join(homedir(), 'go')).split(delimiter);
  const folders = [
    ...PATH.split(delimiter),
    ...(GOBIN ? [GOBIN] : []),
    ...goPaths.map((path) => join(path, 'bin')),
  ];
  return folders.map((folder) => join(folder, 'nats-server')).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
