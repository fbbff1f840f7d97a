/** Bounds the transfers of each issuer: a node, or a connection of calls. */
import { transferLimit } from './errors.js';

/** Transfers of one issuer that have not ended, or whose end the issuer has not read. */
const TRANSFERS = 10_000;

export class Issuers {
  readonly #held = new Map<string, number>();
  #unread = 0;

  /** Takes room for transfers. Throws TRANSFER_LIMIT. Without an issuer there is no limit. */
  take(issuer: string | undefined, transfers: number): void {
    if (issuer === undefined) return;
    const held = (this.#held.get(issuer) ?? 0) + transfers;
    if (held <= TRANSFERS) {
      this.#held.set(issuer, held);
      return;
    }
    const message = `an issuer has at most ${TRANSFERS} transfers under way, with those whose end it has not read; wait for some, and read them`;
    throw transferLimit(message, TRANSFERS);
  }

  /** A transfer has ended. Gives its room back when the returned function is called: the issuer has read the end. */
  ended(issuer: string | undefined): () => void {
    if (issuer === undefined) return () => undefined;
    let isRead = false;
    this.#unread += 1;
    return () => {
      if (isRead) return;
      isRead = true;
      this.#unread -= 1;
      const held = (this.#held.get(issuer) ?? 0) - 1;
      if (held > 0) this.#held.set(issuer, held);
      else this.#held.delete(issuer);
    };
  }

  /** Ends that no issuer has read. */
  get unread(): number {
    return this.#unread;
  }

  /** The issuers that have something under way. */
  get size(): number {
    return this.#held.size;
  }
}
