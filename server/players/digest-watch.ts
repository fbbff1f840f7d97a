/** Compares the digests in one proxy's Heartbeats with the table, and requests the proxy's list if they differ. */
import type { PresenceDigest } from '../../gen/ts/kelpie/v1/presence.js';
import { sameBytes } from '../core/cursor.js';
import { type TableDigest, tableDigest } from './digest.js';
import type { PlayerWriter } from './writer.js';

/** Consecutive differing digests before a request for the list. Doubled after each request, until digests agree. */
const MISMATCHES = 2;
const MOST_MISMATCHES = 64;
/** The digest of so many players takes less than a millisecond. */
const FEW = 500;

export class DigestWatch {
  readonly #writer: PlayerWriter;
  readonly #proxy: string;
  readonly #onDiffers: () => void;
  readonly #onFault: (error: unknown) => void;
  /** Valid until one of the proxy's players changes. */
  #last: TableDigest | undefined;
  #computing = false;
  #mismatches = 0;
  #patience = MISMATCHES;

  /** Calls `onDiffers` for each digest that differs, and `onFault` with errors of the computation. */
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
   * Compares a digest with the table, and calls `onWanted` if the coordinator needs the list. This skips a digest
   * that arrives during another comparison, or while the table changes: the next Heartbeat brings another one.
   */
  compare(sent: PresenceDigest, onWanted: () => void): void {
    const { rows, syncTurn } = this.#writer;
    const { version, size } = rows.byProxy.get(this.#proxy);
    if (this.#computing) return;
    if (this.#last?.version === version) this.#judge(this.#last, sent, onWanted);
    else if (size <= FEW) this.#take(atOnce(tableDigest(rows, this.#proxy)), sent, onWanted);
    else {
      this.#computing = true;
      syncTurn
        .work(tableDigest(rows, this.#proxy))
        .then((digest) => this.#take(digest, sent, onWanted))
        .catch(this.#onFault)
        .finally(() => (this.#computing = false));
    }
  }

  #take(digest: TableDigest | undefined, sent: PresenceDigest, onWanted: () => void): void {
    this.#last = digest;
    if (digest) this.#judge(digest, sent, onWanted);
  }

  #judge({ players, digest }: TableDigest, sent: PresenceDigest, onWanted: () => void): void {
    if (players === sent.players && sameBytes(sent.digest, digest)) {
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
