/** A file that its user alone can read gets a token. It is there before the token is made: no token is lost. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';

export class TokenFile {
  readonly path: string;
  readonly #next: string;
  readonly #file: number;

  /** `replaces`: the file may be there already. Throws if the file cannot be written. */
  constructor(path: string, replaces: boolean) {
    this.path = path;
    this.#next = `${path}.${process.pid}`;
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory()) throw new Error(`${path} is a folder; name a file for the token`);
    if (found && !replaces) {
      throw new Error(`${path} is there already; name another file, or move it away`);
    }
    this.#file = openSync(this.#next, 'wx', 0o600);
  }

  /** Gives the file its content in one step. */
  write(token: string): void {
    writeSync(this.#file, `${token}\n`);
    fsyncSync(this.#file);
    renameSync(this.#next, this.path);
  }

  close(): void {
    closeSync(this.#file);
    rmSync(this.#next, { force: true });
  }
}
