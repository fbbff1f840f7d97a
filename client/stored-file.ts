/**
 * A small file that follows something that changes: written whole under another name and then
 * renamed, so that whoever reads it gets an old state or a new one, never half of one.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import type { Cancel, Clock } from './clock.js';
import { KelpieError } from './errors.js';

/** Changes within this time are written together. */
const SETTLE_MS = 500;

export class StoredFile {
  readonly #path: string;
  readonly #clock: Clock;
  /** Says that it could not be read or written. */
  readonly fail: (error: unknown) => void;
  /** What is to be written, made when it is. */
  #next: (() => Uint8Array) | undefined;
  #timer: Cancel | undefined;
  #writing = false;

  constructor(path: string, clock: Clock, onFailure: (error: unknown) => void) {
    this.#path = path;
    this.#clock = clock;
    this.fail = onFailure;
  }

  /** What the file holds; undefined if there is none. Throws FILE_INVALID if it cannot be read. */
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
    this.#timer ??= this.#clock.after(SETTLE_MS, () => void this.#write());
  }

  async #write(): Promise<void> {
    const bytes = this.#take();
    if (!bytes) return;
    this.#writing = true;
    try {
      await writeFile(`${this.#path}.new`, bytes);
      await rename(`${this.#path}.new`, this.#path);
    } catch (error) {
      this.fail(error);
    }
    this.#writing = false;
    if (this.#next) this.save(this.#next);
  }

  /** Writes what is not written yet, now. */
  close(): void {
    const bytes = this.#take();
    if (!bytes) return;
    try {
      writeFileSync(`${this.#path}.last`, bytes);
      renameSync(`${this.#path}.last`, this.#path);
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
