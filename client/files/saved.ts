/** What a client keeps in files, for its next process. */
import { Cursor } from '../../gen/ts/kelpie/v1/cursor.js';
import type { Clock } from '../core/clock.js';
import type { ConnectOptions } from '../options.js';
import { type Piece, Processing } from '../core/processing.js';
import type { Roster } from '../roster/roster.js';
import { StoredFile } from './stored-file.js';

const EPOCH_BYTES = 16;

/** Hears of a file that could not be read or written. */
export type OnFileFailure = (path: string, error: unknown) => void;

export class SavedState {
  /** Over all streams: what an older one brought may still be processed. */
  readonly #processing = new Processing();
  readonly #cursorFile: StoredFile | undefined;
  readonly #rosterFile: StoredFile | undefined;
  /** Where the former process was. */
  readonly cursor: Cursor | undefined;

  /** Throws FILE_INVALID for a cursor file that cannot be read: to begin elsewhere would be a gap. */
  constructor({ cursorFile, rosterFile }: ConnectOptions, clock: Clock, onFailure: OnFileFailure) {
    this.#cursorFile = fileAt(cursorFile, clock, onFailure);
    this.#rosterFile = fileAt(rosterFile, clock, onFailure);
    this.cursor = this.#cursorFile?.load(cursorOf);
  }

  /** Gives the roster what it was. That it cannot be read keeps nobody from beginning. */
  restore(roster: Roster): void {
    try {
      this.#rosterFile?.load((bytes) => roster.restore(bytes));
    } catch (error) {
      // Whoever asks for the client's status right after `connect` hears of it.
      queueMicrotask(() => this.#rosterFile?.fail(error));
    }
  }

  /** The roster has changed. */
  rosterChanged(roster: Roster): void {
    this.#rosterFile?.save(() => roster.save());
  }

  /** Everything up to here was received. Say with `processed` when it is processed too. */
  received(upTo: Cursor): Piece {
    return this.#processing.begin(upTo);
  }

  processed(piece: Piece): void {
    const progress = this.#processing.finish(piece);
    if (progress) this.#cursorFile?.save(() => Cursor.encode(progress.upTo).finish());
  }

  /** Writes what is not written yet, now. Resolves when no file is open any more. */
  async close(): Promise<void> {
    await Promise.all([this.#cursorFile?.close(), this.#rosterFile?.close()]);
  }
}

/** Throws for what was not written whole: half a cursor is a place that nobody chose. */
function cursorOf(bytes: Uint8Array): Cursor {
  const cursor = Cursor.decode(bytes);
  const same = Buffer.from(Cursor.encode(cursor).finish()).equals(bytes);
  if (same && cursor.epoch.length === EPOCH_BYTES && cursor.sequence > 0) return cursor;
  throw new Error(bytes.length === 0 ? 'it is empty' : 'it holds no whole cursor');
}

function fileAt(
  path: string | undefined,
  clock: Clock,
  onFailure: OnFileFailure,
): StoredFile | undefined {
  if (path === undefined) return undefined;
  return new StoredFile(path, clock, (error) => onFailure(path, error));
}
