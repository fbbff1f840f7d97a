/**
 * Counts the bytes of requests from their first byte to the end of their calls. Some calls last as long as
 * their peers want, so one peer could fill all the room. Therefore each connection has a little room of its
 * own, however much the others take.
 */

/** Of all calls that are not sessions. */
export const REQUEST_BYTES = 64 * 1024 ** 2;
/** Bytes that a connection may take when there is no other room left. Most requests are far smaller. */
const OWN_BYTES = 64 * 1024;

export class RequestBytes {
  #all = 0;
  readonly #connections = new Map<unknown, number>();

  /** Counts more of a call on a connection. False: it is too much, and the call must end. */
  take(connection: unknown, bytes: number): boolean {
    const own = (this.#connections.get(connection) ?? 0) + bytes;
    this.#connections.set(connection, own);
    this.#all += bytes;
    return this.#all <= REQUEST_BYTES || own <= OWN_BYTES;
  }

  /** A call has ended that took so much. */
  release(connection: unknown, bytes: number): void {
    const left = (this.#connections.get(connection) ?? 0) - bytes;
    if (left > 0) this.#connections.set(connection, left);
    else this.#connections.delete(connection);
    this.#all -= bytes;
  }
}
