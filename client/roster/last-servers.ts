/** The server that each player left last, by moving or by leaving the network: for rules with STICKY. */

/** Of more players than this the roster forgets those who left a server longest ago. */
const PLAYERS = 100_000;

export class LastServers {
  /** By player id, in the order in which the players left a server. */
  readonly #left = new Map<string, string>();

  left(id: string, server: string): void {
    this.#left.delete(id);
    this.#left.set(id, server);
    if (this.#left.size <= PLAYERS) return;
    const [oldest = ''] = this.#left.keys();
    this.#left.delete(oldest);
  }

  /** Empty: not known. */
  of(id: string): string {
    return this.#left.get(id) ?? '';
  }

  get size(): number {
    return this.#left.size;
  }
}
