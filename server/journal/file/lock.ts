/**
 * One process at a time for a data directory: a unix socket in it that its owner listens on. The kernel
 * closes it with the process, so a kill -9 leaves a name on which nobody answers, and no doubt (a pid
 * may have become another process's).
 *
 * Locks are numbered, `lock.<n>.sock`, and the highest number counts. Whoever finds its owner dead
 * claims the next one by a hard link, which fails if the name is there; then looks again, and gives
 * way to a higher one. So of several that find a dead owner at once exactly one gets in, because
 * nothing is deleted before a higher number is held.
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
/** How often a claim is tried, each time that somebody else was quicker. */
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

  /** Throws a JournalError if a living process has the folder. */
  static async take(folder: string): Promise<FolderLock> {
    // A name of its own until the claim, so that nobody who reads the number finds it silent.
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

/** Claims of processes that were killed in the middle of one. A living one's is linked by now, or fails. */
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
      `${nameOf(folder, number)} (ss -xlp names it). Stop that process, or name another directory.`,
  );
}

async function listen(path: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  // Being locked is no reason to live on.
  server.unref();
  await atAddress(path, async (address) => {
    await new Promise<void>((done, fail) => {
      server.once('error', fail);
      server.listen(address, done);
    });
  });
  // Made as the umask of whoever started us says.
  chmodSync(path, 0o600);
  return server;
}

/** Whether a process listens there. The kernel answers, also for one that is busy or stopped. */
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

/** Calls with an address that fits: where the path is too long, through a symbolic link to its folder. */
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
