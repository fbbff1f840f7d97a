/**
 * Lets one process at a time use a data directory. The owner listens on a unix socket in the directory. The kernel
 * closes the socket with the process, so after a kill -9 no process answers on it. A file with a process id would
 * not do: the id may belong to another process by then.
 *
 * Locks have numbers, `lock.<n>.sock`, and the highest number counts. A process that finds the owner dead claims the
 * next number by a hard link, which fails if that name exists. Then it looks again, and gives its claim up if there
 * is a higher number. If several processes find a dead owner at once, exactly one of them becomes the owner,
 * because a process deletes lower locks only while it holds a higher one.
 */
import { chmodSync, mkdtempSync, readdirSync, rmdirSync, rmSync, symlinkSync } from 'node:fs';
import { link } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { codeOf, folderFault } from './folder.js';
import { JournalError } from '../error.js';

const NAME = /^lock\.(\d{1,15})\.sock$/;
/** sun_path has 108 bytes on Linux and 104 elsewhere, with a zero at its end. */
const LONGEST_ADDRESS_BYTES = 103;
/** How many claims a process tries, if other processes are quicker each time. */
const TRIES = 20;

export class FolderLock {
  readonly #folder: string;
  readonly #server: Server;
  readonly #number: number;

  private constructor(folder: string, server: Server, number: number) {
    this.#folder = folder;
    this.#server = server;
    this.#number = number;
  }

  /** Throws a JournalError if a living process holds the lock of the folder. */
  static async take(folder: string): Promise<FolderLock> {
    // The socket has another name until it listens, so that no process finds a numbered lock silent.
    const waiting = join(
      folder,
      `lock.claim-${process.pid}-${Math.random().toString(36).slice(2)}`,
    );
    let server: Server | undefined;
    try {
      server = await listen(waiting);
      return new FolderLock(folder, server, await claim(folder, waiting));
    } catch (error) {
      server?.close();
      throw folderFault(error, folder, 'cannot be locked by a socket');
    } finally {
      rmSync(waiting, { force: true });
    }
  }

  async release(): Promise<void> {
    rmSync(nameOf(this.#folder, this.#number), { force: true });
    await new Promise<void>((done) => this.#server.close(() => done()));
  }
}

async function claim(folder: string, waiting: string): Promise<number> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const highest = Math.max(0, ...locksIn(folder));
    if (highest > 0 && (await answers(nameOf(folder, highest)))) throw inUse(folder, highest);
    const number = highest + 1;
    const claimed = await link(waiting, nameOf(folder, number)).then(
      () => true,
      (error: unknown) => {
        if (codeOf(error) === 'EEXIST') return false;
        throw error;
      },
    );
    if (!claimed) continue;
    const held = locksIn(folder);
    if (held.some((other) => other > number)) {
      rmSync(nameOf(folder, number), { force: true });
      continue;
    }
    for (const other of held) {
      if (other < number) rmSync(nameOf(folder, other), { force: true });
    }
    removeDeadClaims(folder, waiting);
    return number;
  }
  throw inUse(folder, Math.max(0, ...locksIn(folder)));
}

/**
 * Removes the sockets of processes that were killed during a claim. A living process has linked its socket by now, or
 * its claim fails.
 */
function removeDeadClaims(folder: string, own: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (name.startsWith('lock.claim-') && path !== own) rmSync(path, { force: true });
  }
}

function locksIn(folder: string): number[] {
  return readdirSync(folder).flatMap((name) => {
    const [, number] = NAME.exec(name) ?? [];
    return number === undefined ? [] : [Number(number)];
  });
}

function nameOf(folder: string, number: number): string {
  return join(folder, `lock.${number}.sock`);
}

function inUse(folder: string, number: number): JournalError {
  return new JournalError(
    'IN_USE',
    `The data directory ${folder} is in use by another process, which listens on ` +
      `${nameOf(folder, number)} (ss -xlp shows it). Stop that process, or name another directory.`,
  );
}

async function listen(path: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  // The lock must not keep the process alive.
  server.unref();
  await atAddress(path, async (address) => {
    await new Promise<void>((done, fail) => {
      server.once('error', fail);
      server.listen(address, done);
    });
  });
  // The socket was created with the rights that the umask of the process allows.
  chmodSync(path, 0o600);
  return server;
}

/** Whether a process listens on the socket. The kernel answers, also if that process is busy or stopped. */
async function answers(path: string): Promise<boolean> {
  return atAddress(path, async (address) => {
    return new Promise<boolean>((done, fail) => {
      const socket = connect(address, () => {
        socket.destroy();
        done(true);
      });
      socket.once('error', (error) => {
        const code = codeOf(error);
        if (code === 'ECONNREFUSED' || code === 'ENOENT') done(false);
        else if (code === 'EAGAIN') done(true);
        else fail(error);
      });
    });
  });
}

/** Calls `use` with an address that is short enough. A path that is too long is replaced by one through a symbolic link. */
async function atAddress<T>(path: string, use: (address: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(path) <= LONGEST_ADDRESS_BYTES) return use(path);
  const place = mkdtempSync(join(tmpdir(), 'kelpie-'));
  const short = join(place, 'd');
  try {
    symlinkSync(resolve(path, '..'), short);
    return await use(join(short, path.slice(path.lastIndexOf('/') + 1)));
  } finally {
    rmSync(short, { force: true });
    rmdirSync(place);
  }
}
