/** The folders of networks: main has the data directory itself, each other network a folder of its name in it. */
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { foldNetworkName, isNetworkName, MAIN } from '../../core/network-name.js';
import { codeOf, folderFault } from './folder.js';

export const NETWORKS = 'networks';

/** The folder of a network's journal. Throws RIGHTS_INVALID for a name that no network may have. */
export function networkFolder(data: string, network: string): string {
  const name = foldNetworkName(network);
  return name === MAIN ? data : join(data, NETWORKS, name);
}

/** Makes the parent of the folder of a network, if it is missing. Throws a JournalError. */
export function prepareNetworks(data: string, network: string): void {
  if (network === MAIN) return;
  const folder = join(data, NETWORKS);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw folderFault(error, folder, 'cannot be created');
  }
}

/** The names of the networks beside main that a data directory has, in order. Throws a JournalError. */
export function networksIn(data: string): string[] {
  const folder = join(data, NETWORKS);
  try {
    const names = readdirSync(folder).filter((name) => isNetworkName(name) && name !== MAIN);
    return names.filter((name) => statSync(join(folder, name)).isDirectory()).sort();
  } catch (error) {
    // A data directory that is a file has no networks. The journal of main refuses it.
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return [];
    throw folderFault(error, folder, 'cannot be read');
  }
}
