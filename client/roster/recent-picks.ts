/**
 * The players that this process has sent to a server and that the roster does not show there yet. They count as
 * players of that server: else all players who join at once would land on one server. While no coordinator is there,
 * the roster gets no news, so the players that this process holds count until they leave it.
 */
import type { Clock } from '../core/clock.js';

/** A player whom this process does not hold, and who has not arrived for this time, does not count any more. */
const LIFETIME_MS = 10_000;
/** Of more players than this the oldest ones do not count. */
const PLAYERS = 10_000;

interface Sent {
  readonly server: string;
  readonly until: number;
}

/** The functions that the picks get from the roster. */
export interface RecentPicksOptions {
  readonly clock: Clock;
  /** The server that the roster shows a player on, or empty. */
  readonly shown: (player: string) => string;
  /** Called with each server whose number changes. */
  readonly onChange: (server: string) => void;
}

export class RecentPicks {
  /** By player id, the oldest first: all live equally long. */
  readonly #sent = new Map<string, Sent>();
  /** The players that this process holds, and the server that it has reported of each, or empty. */
  readonly #own = new Map<string, string>();
  /** Of those, the players who count on a server without an end by time. */
  readonly #kept = new Map<string, string>();
  readonly #onServer = new Map<string, number>();
  readonly #options: RecentPicksOptions;

  constructor(options: RecentPicksOptions) {
    this.#options = options;
  }

  add(player: string, server: string): void {
    this.end(player);
    this.#sent.set(player, { server, until: this.#options.clock.now() + LIFETIME_MS });
    this.#count(server, 1);
    const [oldest] = this.#sent;
    if (oldest && this.#sent.size > PLAYERS) this.#expire(...oldest);
  }

  /** This process has the player on this server now. Empty: on none; undefined: the player left this process. */
  own(player: string, server: string | undefined): void {
    if (server !== '' || this.#kept.has(player)) this.end(player);
    if (server === undefined) this.#own.delete(player);
    else this.#own.set(player, server);
    this.settle(player);
  }

  /** The player needs another server, or the roster shows them on one. */
  end(player: string): void {
    const server = this.#sent.get(player)?.server ?? this.#kept.get(player);
    if (server === undefined) return;
    this.#sent.delete(player);
    this.#kept.delete(player);
    this.#count(server, -1);
  }

  /** The roster does not show the player any more. If this process holds them, the roster will show them again. */
  gone(player: string): void {
    if (this.#own.has(player)) this.settle(player);
    else this.end(player);
  }

  /** Counts a player without a newer pick on the server that this process has reported. */
  settle(player: string): void {
    if (!this.#sent.has(player)) this.#keep(player, this.#own.get(player) ?? '');
  }

  /** Ends the picks that are too old. A pick calls it first, so no timer is needed. */
  expire(): void {
    const now = this.#options.clock.now();
    for (const [player, sent] of this.#sent) {
      if (sent.until > now) return;
      this.#expire(player, sent);
    }
  }

  #expire(player: string, { server }: Sent): void {
    this.end(player);
    const own = this.#own.get(player);
    if (own !== undefined) this.#keep(player, own === '' ? server : own);
  }

  #keep(player: string, server: string): void {
    if (server === '') return;
    this.end(player);
    if (this.#options.shown(player) === server) return;
    this.#kept.set(player, server);
    this.#count(server, 1);
  }

  onServer(server: string): number {
    return this.#onServer.get(server) ?? 0;
  }

  /** The number of players that are remembered: those with a pick, and those that this process holds. */
  get size(): number {
    return this.#sent.size + this.#own.size + this.#kept.size;
  }

  #count(server: string, change: 1 | -1): void {
    const count = this.onServer(server) + change;
    if (count === 0) this.#onServer.delete(server);
    else this.#onServer.set(server, count);
    this.#options.onChange(server);
  }
}
