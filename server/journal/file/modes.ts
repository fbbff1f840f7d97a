/**
 * The modes of a data directory: its user alone reads and writes it, whatever the umask of the process is. Its journal
 * has the addresses of players, and its credentials decide who is an operator.
 */
import { chmod, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { JournalError } from '../error.js';
import { codeOf, FORMAT_FILE } from './folder.js';
import { NETWORKS } from './network-folders.js';

/** The folder of certificates. */
const CERTIFICATES = 'tls';
/** The files that a data directory can have before its first use. */
const OWN_PARTS = /^(credentials|journal|interval|lock)\b|^(networks|tls|lost\+found)$/;
/** These are no secret: clients get copies of them. */
const PUBLIC = new Set([join(CERTIFICATES, 'ca.pem'), join(CERTIFICATES, 'server.pem')]);
/** The end of the name of a private key. */
const KEY = '-key.pem';
const OF_USER = 0o700;
const READABLE = 0o744;
const PERMISSIONS = 0o777;
const WRITE_OF_ALL = 0o002;

/** A file or folder that other users can read or write. */
export interface OpenPath {
  readonly path: string;
  /** The lowest 9 bits. */
  readonly mode: number;
  readonly wantedMode: number;
}

/** Changes the mode of a path. Tests replace it. */
type Change = (path: string, mode: number) => Promise<void>;

/** The files and folders of a data directory that other users can read or write, at most `limit`. */
export async function openPaths(folder: string, limit: number): Promise<readonly OpenPath[]> {
  const found: OpenPath[] = [];
  for await (const path of pathsOf(folder)) {
    const open = await openPath(path);
    if (open) found.push(open);
    if (found.length === limit) break;
  }
  return found;
}

/**
 * Takes the rights of other users away, with a warning. If another user owns the directory, the warning asks its owner
 * for that: a volume of a container may belong to root, whose group gets the rights to use it. Throws a JournalError
 * for a directory to which every user may write, and for one whose other files this would close for other users.
 */
export async function restrictModes(
  folder: string,
  onWarning: (message: string) => void = () => undefined,
  change: Change = chmod,
): Promise<void> {
  const open = await openPath(folder);
  if (open) {
    await checkFirstUse(folder);
    if (!(await restricted(open, change))) {
      if ((open.mode & WRITE_OF_ALL) !== 0) throw writableByAll(folder);
      // Another user could put a link in place of a file, so its files stay as they are.
      onWarning(ofAnotherUser(open));
      return;
    }
  }
  const closed = open ? [open] : [];
  for (const one of await openPaths(folder, Infinity)) {
    if (await restricted(one, change)) closed.push(one);
    else onWarning(ofAnotherUser(one));
  }
  // The operator must hear of private keys first.
  const keys = closed.filter(({ path }) => path.endsWith(KEY));
  const [first] = [...keys, ...closed];
  if (first) onWarning(closedText(folder, first, closed.length - 1) + ofKeys(keys));
}

async function restricted({ path, wantedMode }: OpenPath, change: Change): Promise<boolean> {
  try {
    await change(path, wantedMode);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return true;
    if (['EPERM', 'EACCES', 'EROFS'].includes(codeOf(error) ?? '')) return false;
    throw error;
  }
}

/** A path that other users can read or write, and should not. Undefined for another one, also for one that is gone. */
export async function openPath(path: string): Promise<OpenPath | undefined> {
  try {
    const { mode } = await stat(path);
    const allowed = PUBLIC.has(join(basename(dirname(path)), basename(path))) ? READABLE : OF_USER;
    const open = (mode & PERMISSIONS & ~allowed) !== 0;
    return open ? { path, mode: mode & PERMISSIONS, wantedMode: mode & allowed } : undefined;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The directory, its files and sockets, its certificates, and its networks. Folders of others are left out. */
async function* pathsOf(folder: string): AsyncGenerator<string> {
  yield folder;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isFile() || entry.isSocket()) yield path;
    else if (!entry.isDirectory()) continue;
    else if (entry.name === CERTIFICATES) yield* pathsOf(path);
    else if (entry.name === NETWORKS) yield* pathsOfNetworks(path);
  }
}

async function* pathsOfNetworks(folder: string): AsyncGenerator<string> {
  yield folder;
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory()) yield* pathsOf(join(folder, entry.name));
}

/** `--data /var/lib` is a mistake that must not take that folder away from all other programs. */
async function checkFirstUse(folder: string): Promise<void> {
  const inside = await readdir(folder);
  if (inside.includes(FORMAT_FILE)) return;
  const other = inside.find((name) => !OWN_PARTS.test(name));
  if (other === undefined) return;
  throw new JournalError(
    'FOLDER',
    `The data directory ${folder} has other files in it (${other}), and kelpied would take it away from other ` +
      'users. Name a directory for kelpied alone. If this one is right, take the rights of others away first: ' +
      `chmod go-rwx '${folder}'`,
  );
}

function writableByAll(folder: string): JournalError {
  return new JournalError(
    'FOLDER',
    `Every user of this machine may write to the data directory ${folder}, and it belongs to another user. Give it to ` +
      'the user that runs the coordinator (chown), or name another directory.',
  );
}

function ofAnotherUser({ path, mode, wantedMode }: OpenPath): string {
  return (
    `other users can use ${path} (mode ${octal(mode)}), and it belongs to another user than kelpied; ` +
    `its owner takes that right away by chmod ${octal(wantedMode)}, unless a container gives it so`
  );
}

function closedText(folder: string, { path, mode, wantedMode }: OpenPath, more: number): string {
  const others = more > 0 ? `, and ${more} more` : '';
  return (
    `other users could use the data directory ${folder}; kelpied took that right away: ` +
    `${path} had mode ${octal(mode)} and has ${octal(wantedMode)}${others}`
  );
}

function ofKeys(keys: readonly OpenPath[]): string {
  if (keys.length === 0) return '';
  const names = keys.map(({ path }) => path).join(', ');
  return `. Others could copy private keys (${names}): move them away and make new ones with kelpied certs`;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
