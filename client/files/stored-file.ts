/**
 * A small file with the newest state of something that changes. The whole content is written under another name, synced
 * to the disk, and then renamed. So a reader gets the old state or the new one, and never half of one.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Cancel, Clock } from '../core/clock.js';
import { KelpieError } from '../errors.js';

/** Changes within this time are written together. */
const SETTLE_MS = 500;

/** Whether the client can sync a folder. Windows cannot: there the system decides when a rename is on the disk. */
const FOLDERS = process.platform !== 'win32';

export class StoredFile {
  readonly #path: string;
  readonly #clock: Clock;
  /** Reports that the file could not be read or written. */
  readonly fail: (error: unknown) => void;
  /** Makes the bytes to write next. */
  #next: (() => Uint8Array) | undefined;
  #timer: Cancel | undefined;
  /** The bytes of the running write, and the promise of its end. */
  #writing: Uint8Array | undefined;
  #written: Promise<void> = Promise.resolve();
  /** The bytes that `close` wrote during an older write. */
  #last: Uint8Array | undefined;

  constructor(path: string, clock: Clock, onFailure: (error: unknown) => void) {
    this.#path = path;
    this.#clock = clock;
    this.fail = onFailure;
  }

  /** The content of the file; undefined if there is none. Throws FILE_INVALID if it cannot be read. */
  load<T>(decode: (bytes: Uint8Array) => T): T | undefined {
    try {
      return decode(readFileSync(this.#path));
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      const why = cause instanceof Error ? cause.message : String(cause);
      const message = `${this.#path} cannot be read (${why}); remove it to start without it`;
      throw new KelpieError('FILE_INVALID', message, { permanent: true, cause });
    }
  }

  /** Writes the newest bytes soon. */
  save(make: () => Uint8Array): void {
    this.#next = make;
    if (this.#writing) return;
    this.#timer ??= this.#clock.after(SETTLE_MS, () => {
      this.#written = this.#write();
    });
  }

  async #write(): Promise<void> {
    this.#writing = this.#take();
    if (!this.#writing) return;
    try {
      await replace(this.#path, this.#writing);
    } catch (error) {
      if (!this.#last) this.fail(error);
    }
    // The older write may have replaced the newer file of `close`.
    if (this.#last) this.#writeNow(this.#last);
    this.#writing = undefined;
    if (this.#next) this.save(this.#next);
  }

  /** Writes the newest state now. Resolves when the file is not open any more. */
  close(): Promise<void> {
    const bytes = this.#take() ?? this.#writing;
    if (this.#writing) this.#last = bytes;
    if (bytes) this.#writeNow(bytes);
    return this.#written;
  }

  #writeNow(bytes: Uint8Array): void {
    try {
      replaceNow(this.#path, bytes);
    } catch (error) {
      this.fail(error);
    }
  }

  #take(): Uint8Array | undefined {
    this.#timer?.();
    this.#timer = undefined;
    const bytes = this.#next?.();
    this.#next = undefined;
    return bytes;
  }
}

async function replace(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(`${path}.new`, 'w');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  if (!FOLDERS) return;
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** The same, synchronously, and with another temporary name. */
function replaceNow(path: string, bytes: Uint8Array): void {
  withFile(`${path}.last`, 'w', (file) => {
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
  });
  renameSync(`${path}.last`, path);
  if (FOLDERS) withFile(dirname(path), 'r', () => undefined);
}

/** Opens a file, does the work, and syncs the file to the disk. */
function withFile(path: string, flags: string, work: (file: number) => void): void {
  const file = openSync(path, flags);
  try {
    work(file);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
