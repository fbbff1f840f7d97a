/** Compares the digests of one proxy's Heartbeats with the table, and asks for the list when they differ. */
import type { PresenceDigest } from '../../gen/ts/kelpie/v1/presence.js';
import { sameBytes } from '../core/cursor.js';
import { type TableDigest, tableDigest } from './digest.js';
import type { Network } from '../network/network.js';

/** Digests in a row that differ before the list is asked for; doubled each time that did not help. */
const MISMATCHES = 2;
const MOST_MISMATCHES = 64;
/** Players whose digest takes less than a millisecond. */
const FEW = 500;

export class DigestWatch {
  readonly #network: Network;
  readonly #proxy: string;
  readonly #onDiffers: () => void;
  /** Good as long as nothing about the proxy's players changes. */
  #known: TableDigest | undefined;
  #computing = false;
  #mismatches = 0;
  #patience = MISMATCHES;

  /** `onDiffers`: a digest differs from the table. */
  constructor(network: Network, proxy: string, onDiffers: () => void) {
    this.#network = network;
    this.#proxy = proxy;
    this.#onDiffers = onDiffers;
  }

  /**
   * Compares a digest with the table; `onWanted`: the list is wanted. One that comes while another one is
   * compared, or while the table changes, is not judged: the next one will be.
   */
  compare(said: PresenceDigest, onWanted: () => void): void {
    const network = this.#network;
    const { version, size } = network.playerRows.byProxy.get(this.#proxy);
    if (this.#computing) return;
    if (this.#known?.version === version) this.#judge(this.#known, said, onWanted);
    else if (size <= FEW) this.#take(atOnce(tableDigest(network, this.#proxy)), said, onWanted);
    else {
      this.#computing = true;
      network.syncTurn
        .work(tableDigest(network, this.#proxy))
        .then((digest) => this.#take(digest, said, onWanted))
        .catch(network.options.onFault)
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
