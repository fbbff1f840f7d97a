/**
 * The players that this process has sent to a server and that the roster does not show there yet. They count as
 * players of that server: else all players who join at once would land on one server.
 */
import type { Clock } from '../core/clock.js';

/** A player who has not arrived for this time does not count any more. */
const LIFETIME_MS = 10_000;
/** Of more players than this the oldest ones do not count. */
const PLAYERS = 10_000;

interface Sent {
  readonly server: string;
  readonly until: number;
}

export class RecentPicks {
  /** By player id, the oldest first: all live equally long. */
  readonly #sent = new Map<string, Sent>();
  readonly #onServer = new Map<string, number>();
  readonly #clock: Clock;
  readonly #onChange: (server: string) => void;

  /** Calls `onChange` with each server whose number changes. */
  constructor(clock: Clock, onChange: (server: string) => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  add(player: string, server: string): void {
    this.end(player);
    this.#sent.set(player, { server, until: this.#clock.now() + LIFETIME_MS });
    this.#count(server, 1);
    const [oldest = ''] = this.#sent.keys();
    if (this.#sent.size > PLAYERS) this.end(oldest);
  }

  /** The player arrived, or left, or needs another server. */
  end(player: string): void {
    const sent = this.#sent.get(player);
    if (!sent) return;
    this.#sent.delete(player);
    this.#count(sent.server, -1);
  }

  /** Ends the picks that are too old. A pick calls it first, so no timer is needed. */
  expire(): void {
    const now = this.#clock.now();
    for (const [player, { until }] of this.#sent) {
      if (until > now) return;
      this.end(player);
    }
  }

  onServer(server: string): number {
    return this.#onServer.get(server) ?? 0;
  }

  get size(): number {
    return this.#sent.size;
  }

  #count(server: string, change: 1 | -1): void {
    const count = this.onServer(server) + change;
    if (count === 0) this.#onServer.delete(server);
    else this.#onServer.set(server, count);
    this.#onChange(server);
  }
}
