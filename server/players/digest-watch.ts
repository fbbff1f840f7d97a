/** Compares the digests of one proxy's Heartbeats with the table, and asks for the list when they differ. */
import type { PresenceDigest } from '../../gen/ts/kelpie/v1/presence.js';
import { sameBytes } from '../core/cursor.js';
import { type TableDigest, tableDigest } from './digest.js';
import type { PlayerWriter } from './writer.js';

/** Digests in a row that differ before the list is asked for; doubled each time that did not help. */
const MISMATCHES = 2;
const MOST_MISMATCHES = 64;
/** Players whose digest takes less than a millisecond. */
const FEW = 500;

export class DigestWatch {
  readonly #writer: PlayerWriter;
  readonly #proxy: string;
  readonly #onDiffers: () => void;
  readonly #onFault: (error: unknown) => void;
  /** Good as long as nothing about the proxy's players changes. */
  #known: TableDigest | undefined;
  #computing = false;
  #mismatches = 0;
  #patience = MISMATCHES;

  /** `onDiffers` hears of each digest that differs, `onFault` of faults while one is computed. */
  constructor(
    writer: PlayerWriter,
    proxy: string,
    onDiffers: () => void,
    onFault: (error: unknown) => void,
  ) {
    this.#writer = writer;
    this.#proxy = proxy;
    this.#onDiffers = onDiffers;
    this.#onFault = onFault;
  }

  /**
   * Compares a digest with the table; `onWanted`: the list is wanted. One that comes while another one is
   * compared, or while the table changes, is not judged: the next one will be.
   */
  compare(said: PresenceDigest, onWanted: () => void): void {
    const { rows, syncTurn } = this.#writer;
    const { version, size } = rows.byProxy.get(this.#proxy);
    if (this.#computing) return;
    if (this.#known?.version === version) this.#judge(this.#known, said, onWanted);
    else if (size <= FEW) this.#take(atOnce(tableDigest(rows, this.#proxy)), said, onWanted);
    else {
      this.#computing = true;
      syncTurn
        .work(tableDigest(rows, this.#proxy))
        .then((digest) => this.#take(digest, said, onWanted))
        .catch(this.#onFault)
        .finally(() => (this.#computing = false));
    }
  }

  #take(digest: TableDigest | undefined, said: PresenceDigest, onWanted: () => void): void {
    this.#known = digest;
    if (digest) this.#judge(digest, said, onWanted);
  }

  #judge({ players, digest }: TableDigest, said: PresenceDigest, onWanted: () => void): void {
    if (players === said.players && sameBytes(said.digest, digest)) {
      this.#mismatches = 0;
      this.#patience = MISMATCHES;
      return;
    }
    this.#onDiffers();
    if (++this.#mismatches < this.#patience) return;
    this.#mismatches = 0;
    this.#patience = Math.min(2 * this.#patience, MOST_MISMATCHES);
    onWanted();
  }
}

function atOnce<Result>(pieces: Generator<unknown, Result>): Result {
  for (;;) {
    const { done, value } = pieces.next();
    if (done) return value;
  }
}
