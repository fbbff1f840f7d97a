/**
 * How many players still fit, by number and by the bytes of their rows: into the network, and on each
 * proxy. What is about to be written counts from the moment in which it is judged, before anything is
 * awaited, until it is in the table: too high for a moment, never too low.
 */
import { KelpieError } from '../core/errors.js';
import type { Held, PlayerTable } from './player-table.js';
import type { Limits } from './settings.js';

/** How much comes: to the network, and to one proxy. */
interface Load {
  readonly rows: number;
  readonly bytes: number;
  readonly onProxy: number;
  /** Grants whose players take their time to join. */
  readonly logins: number;
}

const NOTHING: Load = { rows: 0, bytes: 0, onProxy: 0, logins: 0 };

export class PlayerRoom {
  readonly #players: PlayerTable;
  readonly #limits: Limits;
  /** What is about to come: in all, and to each proxy. */
  #all = NOTHING;
  readonly #coming = new Map<string, Load>();

  constructor(players: PlayerTable, limits: Limits) {
    this.#players = players;
    this.#limits = limits;
  }

  /** Room for what one proxy is about to write, which must be released. */
  admit(proxy: string): Admission {
    return new Admission(proxy, this);
  }

  /** Counts what comes to a proxy. Throws PLAYER_LIMIT if it does not fit. */
  take(proxy: string, more: Load): void {
    const { players, playerBytes, proxyPlayerBytes, proxyLogins } = this.#limits;
    const { index, size } = this.#players;
    const all = plus(this.#all, more);
    const coming = plus(this.#coming.get(proxy) ?? NOTHING, more);
    if (more.rows > 0) check(size + all.rows, players, 'players in a network');
    if (more.bytes > 0)
      check(index.bytes + all.bytes, playerBytes, 'bytes of rows of a network’s players');
    if (more.onProxy > 0)
      check(
        index.bytesOf(proxy) + coming.onProxy,
        proxyPlayerBytes,
        'bytes of rows of a proxy’s players',
      );
    if (more.logins > 0)
      check(index.loginsOf(proxy) + coming.logins, proxyLogins, 'grants of a proxy without a join');
    this.#all = all;
    this.#coming.set(proxy, coming);
  }

  /** It came, or will not. */
  release(proxy: string, taken: Load): void {
    this.#all = minus(this.#all, taken);
    const left = minus(this.#coming.get(proxy) ?? taken, taken);
    const { rows, bytes, onProxy, logins } = left;
    if (rows === 0 && bytes === 0 && onProxy === 0 && logins === 0) this.#coming.delete(proxy);
    else this.#coming.set(proxy, left);
  }

  /** Proxies to which something is about to come. */
  get pending(): number {
    return this.#coming.size;
  }
}

export class Admission {
  readonly #proxy: string;
  readonly #room: PlayerRoom;
  #taken = NOTHING;

  constructor(proxy: string, room: PlayerRoom) {
    this.#proxy = proxy;
    this.#room = room;
  }

  /**
   * Counts a row that takes the place of another one, if any; `login`: of a grant whose player takes
   * their time to join. What does not grow always fits. Throws PLAYER_LIMIT.
   */
  take(before: Held | undefined, rowBytes: number, login = false): void {
    const bytes = Math.max(0, rowBytes - (before?.bytes ?? 0));
    const onProxy = before?.proxy === this.#proxy ? bytes : rowBytes;
    const more = { rows: before ? 0 : 1, bytes, onProxy, logins: login ? 1 : 0 };
    this.#room.take(this.#proxy, more);
    this.#taken = plus(this.#taken, more);
  }

  release(): void {
    if (this.#taken === NOTHING) return;
    this.#room.release(this.#proxy, this.#taken);
    this.#taken = NOTHING;
  }
}

function plus(one: Load, other: Load): Load {
  return {
    rows: one.rows + other.rows,
    bytes: one.bytes + other.bytes,
    onProxy: one.onProxy + other.onProxy,
    logins: one.logins + other.logins,
  };
}

function minus(one: Load, other: Load): Load {
  return {
    rows: one.rows - other.rows,
    bytes: one.bytes - other.bytes,
    onProxy: one.onProxy - other.onProxy,
    logins: one.logins - other.logins,
  };
}

function check(count: number, limit: number, what: string): void {
  if (count <= limit) return;
  const message = `no more fit: at most ${limit} ${what}`;
  throw new KelpieError('PLAYER_LIMIT', message, { limit: String(limit) }, { retryAfterMs: 1000 });
}
