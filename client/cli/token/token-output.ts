/** Where a new token goes: to stdout, alone and once, or into a file for its user alone. Nobody can see it again. */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import type { Command } from 'commander';
import { Credential } from '../../../gen/ts/kelpie/v1/access.js';
import { messageOf } from '../../errors.js';
import type { Common } from '../command.js';
import { name } from '../input/arguments.js';
import { print, UsageError } from '../output/output.js';
import { printRecord } from '../output/records.js';
import { writeError } from '../output/terminal.js';

/** Options of commands that make a token. */
export interface TokenOutput {
  readonly tokenFile?: string;
  readonly quiet?: boolean;
}

/** The answer of a call that made a token. */
interface Made {
  readonly credential?: Credential | undefined;
  readonly token: string;
  readonly kind: string;
  readonly record: object;
}

export function withTokenOutput(to: Command): Command {
  return to
    .option('--token-file <file>', 'write the token into a file, which you alone can read', name)
    .option('-q, --quiet', 'print the token alone');
}

/**
 * Makes a token and hands it out. The file is there before: a token that nobody can store is not made. `replaces`: the
 * file may have an older token.
 */
export async function handOut(
  options: Common & TokenOutput,
  make: () => Promise<Made>,
  replaces = false,
): Promise<void> {
  const { tokenFile } = options;
  const file = tokenFile === undefined ? undefined : new NewFile(tokenFile, replaces);
  try {
    const made = await make();
    if (made.token === '' || !file) show(made, options, 'This is');
    else {
      file.write(`${made.token}\n`);
      const record = { ...made.record, token: undefined };
      show({ ...made, record }, options, `${tokenFile ?? ''} has`);
    }
  } finally {
    file?.close();
  }
}

/** Prints the token alone, unless a file has it, and the hints on stderr. */
function show(made: Made, { output, tokenFile, quiet }: Common & TokenOutput, place: string): void {
  if (output !== 'table') {
    printRecord(output, made.kind, made.record);
    return;
  }
  if (made.token !== '' && tokenFile === undefined) print(made.token);
  if (!quiet) writeError(hints(made, place));
}

/** `place`: the beginning of a sentence about the token. */
function hints({ credential = Credential.create(), token }: Made, place: string): string[] {
  const who = `${credential.name} (${credential.id})`;
  const { certificateName, join } = credential;
  if (token === '') return [`${who} has no token: peers show the certificate ${certificateName}.`];
  const use = join
    ? 'A node joins with it as KELPIE_JOIN_TOKEN, and keeps its own token in the file KELPIE_TOKEN_FILE.'
    : 'A node shows it as KELPIE_TOKEN, or from the file KELPIE_TOKEN_FILE.';
  return [`${place} the token of ${who}. Nobody can see it again.`, use];
}

/** A file that gets its content in one step. */
class NewFile {
  readonly #path: string;
  readonly #next: string;
  readonly #file: number;

  /** Throws a UsageError. */
  constructor(path: string, replaces: boolean) {
    this.#path = path;
    this.#next = `${path}.${process.pid}`;
    try {
      if (existsSync(`${path}/.`)) throw new Error('it is a folder');
      if (!replaces && existsSync(path)) {
        throw new Error('it is there already; name another file, or move it away');
      }
      this.#file = openSync(this.#next, 'wx', 0o600);
    } catch (error) {
      throw new UsageError(`${path} cannot be written: ${messageOf(error)}`);
    }
  }

  write(text: string): void {
    writeSync(this.#file, text);
    fsyncSync(this.#file);
    renameSync(this.#next, this.#path);
  }

  close(): void {
    closeSync(this.#file);
    rmSync(this.#next, { force: true });
  }
}
