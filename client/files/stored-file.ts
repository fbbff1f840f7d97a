/**
 * A small file that follows something that changes: written whole under another name, brought to the disk,
 * and then renamed, so that whoever reads it gets an old state or a new one, never half of one.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Cancel, Clock } from '../core/clock.js';
import { KelpieError } from '../errors.js';

/** Changes within this time are written together. */
const SETTLE_MS = 500;

/** Where folders cannot be opened, a rename is on the disk when the system sees to it. */
const FOLDERS = process.platform !== 'win32';

export class StoredFile {
  readonly #path: string;
  readonly #clock: Clock;
  /** Says that it could not be read or written. */
  readonly fail: (error: unknown) => void;
  /** Makes the bytes to write next. */
  #next: (() => Uint8Array) | undefined;
  #timer: Cancel | undefined;
  /** The bytes of the write that is under way, and its end. */
  #writing: Uint8Array | undefined;
  #written: Promise<void> = Promise.resolve();
  /** The bytes that `close` wrote while an older write was under way. */
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
      const message = `${this.#path} cannot be read (${why}); remove it to begin anew`;
      throw new KelpieError('FILE_INVALID', message, { permanent: true, cause });
    }
  }

  /** Writes soon. */
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
    // It may have taken the place of what is newer.
    if (this.#last) this.#writeNow(this.#last);
    this.#writing = undefined;
    if (this.#next) this.save(this.#next);
  }

  /** Writes what is not written yet, now. Resolves when no file is open any more. */
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

/** The same at once, under a name of its own. */
function replaceNow(path: string, bytes: Uint8Array): void {
  withFile(`${path}.last`, 'w', (file) => {
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
  });
  renameSync(`${path}.last`, path);
  if (FOLDERS) withFile(dirname(path), 'r', () => undefined);
}

/** Works on an open file, and brings it to the disk. */
function withFile(path: string, flags: string, work: (file: number) => void): void {
  const file = openSync(path, flags);
  try {
    work(file);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
