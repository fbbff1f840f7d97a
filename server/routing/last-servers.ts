/**
 * The server that each player left last, for rules with STICKY. The coordinator keeps it in memory alone: after its
 * start it has none, and such a rule takes its other strategy.
 */
import type { PlayerRows } from '../players/rows.js';

/** Of more players than this the coordinator forgets those who left a server longest ago. */
const PLAYERS = 100_000;

export class LastServers {
  /** By player id, in the order in which the players left a server. */
  readonly #left = new Map<string, string>();
  readonly #limit: number;

  constructor(rows: Pick<PlayerRows, 'watch'>, limit = PLAYERS) {
    this.#limit = limit;
    rows.watch((id, after, before) => {
      const server = before?.server ?? '';
      if (server !== '' && server !== after?.server) this.#remember(id, server);
    });
  }

  #remember(id: string, server: string): void {
    this.#left.delete(id);
    this.#left.set(id, server);
    if (this.#left.size <= this.#limit) return;
    const [oldest] = this.#left.keys();
    if (oldest !== undefined) this.#left.delete(oldest);
  }

  /** The server that the player left last, by moving or by leaving the network. Empty: not known. */
  of(id: string): string {
    return this.#left.get(id) ?? '';
  }

  get size(): number {
    return this.#left.size;
  }
}
