/** Where players are, whatever the coordinator has heard of it; and the public ports that their clients connect to. */
import type { PlayerFacts } from '../../../client/index.js';

interface Arrival {
  readonly playerId: string;
  readonly server: string;
  readonly done: () => void;
}

export class World {
  /** The login at each public port. */
  readonly doors = new Map<number, (facts: PlayerFacts) => Promise<unknown>>();
  /** The server of each player. */
  readonly #places = new Map<string, string>();
  readonly #arrivals = new Set<Arrival>();

  /** The server that a player is on; empty: none. */
  placeOf(playerId: string): string {
    return this.#places.get(playerId) ?? '';
  }

  /** The player comes to a server, or leaves the last one. */
  put(playerId: string, server: string): void {
    if (server === '') this.#places.delete(playerId);
    else this.#places.set(playerId, server);
    for (const arrival of [...this.#arrivals]) this.#look(arrival);
  }

  /** Resolves when the player is on the server, or when the signal aborts. */
  arrival(playerId: string, server: string, signal: AbortSignal): Promise<void> {
    return new Promise((done) => {
      const arrival = { playerId, server, done };
      this.#arrivals.add(arrival);
      signal.addEventListener('abort', () => this.#settle(arrival));
      this.#look(arrival);
    });
  }

  /** The number of arrivals that servers wait for. */
  get pending(): number {
    return this.#arrivals.size;
  }

  #look(arrival: Arrival): void {
    if (this.placeOf(arrival.playerId) === arrival.server) this.#settle(arrival);
  }

  #settle(arrival: Arrival): void {
    this.#arrivals.delete(arrival);
    arrival.done();
  }
}
