/** The state that a client writes to files for its next process: its cursor and its roster. */
import { Cursor } from '../../gen/ts/kelpie/v1/cursor.js';
import type { Clock } from '../core/clock.js';
import { type Piece, Processing } from '../core/processing.js';
import { StoredFile } from './stored-file.js';

const EPOCH_BYTES = 16;

/** The files of a client. */
export interface Files {
  readonly cursorFile?: string | undefined;
  readonly rosterFile?: string | undefined;
}

/** The content of the roster file. */
export interface Savable {
  save(): Uint8Array;
  restore(bytes: Uint8Array): void;
}

/** Called if a file could not be read or written. */
export type OnFileFailure = (path: string, error: unknown) => void;

export class SavedState {
  /** One for all streams: handlers may still work on events of an older stream. */
  readonly #processing = new Processing();
  readonly #cursorFile: StoredFile | undefined;
  readonly #rosterFile: StoredFile | undefined;
  /** The position of the former process. */
  readonly cursor: Cursor | undefined;

  /** Throws FILE_INVALID for a cursor file that cannot be read: another start would lose events. */
  constructor({ cursorFile, rosterFile }: Files, clock: Clock, onFailure: OnFileFailure) {
    this.#cursorFile = fileAt(cursorFile, clock, onFailure);
    this.#rosterFile = fileAt(rosterFile, clock, onFailure);
    this.cursor = this.#cursorFile?.load(cursorOf);
  }

  /** Fills the roster from its file. A file that cannot be read is reported; the client begins without it. */
  restore(roster: Savable): void {
    try {
      this.#rosterFile?.load((bytes) => roster.restore(bytes));
    } catch (error) {
      // After `connect` has returned, so that a reader of `status()` gets it.
      queueMicrotask(() => this.#rosterFile?.fail(error));
    }
  }

  /** The roster has changed. */
  rosterChanged(roster: Savable): void {
    this.#rosterFile?.save(() => roster.save());
  }

  /** The client has received everything up to here. Call `processed` when it is processed too. */
  received(upTo: Cursor): Piece {
    return this.#processing.begin(upTo);
  }

  processed(piece: Piece): void {
    const progress = this.#processing.finish(piece);
    if (progress) this.#cursorFile?.save(() => Cursor.encode(progress.upTo).finish());
  }

  /** Writes the newest state now. Resolves when no file is open any more. */
  async close(): Promise<void> {
    await Promise.all([this.#cursorFile?.close(), this.#rosterFile?.close()]);
  }
}

/** Throws if the file does not contain exactly one whole cursor: half a cursor would be a wrong position. */
function cursorOf(bytes: Uint8Array): Cursor {
  const cursor = Cursor.decode(bytes);
  const same = Buffer.from(Cursor.encode(cursor).finish()).equals(bytes);
  if (same && cursor.epoch.length === EPOCH_BYTES && cursor.sequence > 0) return cursor;
  throw new Error(bytes.length === 0 ? 'it is empty' : 'it does not contain a whole cursor');
}

function fileAt(
  path: string | undefined,
  clock: Clock,
  onFailure: OnFileFailure,
): StoredFile | undefined {
  if (path === undefined) return undefined;
  return new StoredFile(path, clock, (error) => onFailure(path, error));
}
