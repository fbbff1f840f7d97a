/**
 * Limits on players, by number and by the bytes of their rows: for the network, and for each proxy. A row counts
 * from the moment of its check, before anything is awaited, until the table has it or its write has failed. So
 * concurrent writes cannot pass a limit together.
 */
import { KelpieError } from '../core/errors.js';
import type { PlayerRow, PlayerRows } from './rows.js';
import type { Limits } from '../network/limits.js';

/** The limits on players. */
export type PlayerLimits = Pick<
  Limits,
  'players' | 'playerBytes' | 'proxyPlayerBytes' | 'proxyLogins'
>;

/** The sizes that pending rows add to the network and to one proxy. */
interface Load {
  readonly rows: number;
  readonly bytes: number;
  readonly onProxy: number;
  /** Grants whose players have not joined yet. */
  readonly logins: number;
}

const NOTHING: Load = { rows: 0, bytes: 0, onProxy: 0, logins: 0 };

export class PlayerAdmission {
  readonly #players: PlayerRows;
  readonly #limits: PlayerLimits;
  /** The sums of the pending rows: for the network, and for each proxy. */
  #all = NOTHING;
  readonly #coming = new Map<string, Load>();

  /** By player. */
  readonly #comers = new Map<string, Set<Comer>>();

  constructor(players: PlayerRows, limits: PlayerLimits) {
    this.#players = players;
    this.#limits = limits;
    // The index counts a row that is in the table.
    players.watch((id) => {
      for (const comer of this.#comers.get(id) ?? []) this.release(comer);
    });
  }

  /** Starts an admission for the rows that one proxy is about to write. The caller must release it. */
  admit(proxy: string): Admission {
    return new Admission(proxy, this);
  }

  /** Counts a pending row. Throws PLAYER_LIMIT if it does not fit. */
  take(comer: Comer): void {
    const { proxy, load } = comer;
    const { players, playerBytes, proxyPlayerBytes, proxyLogins } = this.#limits;
    const { index, size } = this.#players;
    const all = plus(this.#all, load, 1);
    const coming = plus(this.#coming.get(proxy) ?? NOTHING, load, 1);
    check(load.rows, size + all.rows, players, 'players in a network');
    check(load.bytes, index.bytes + all.bytes, playerBytes, 'bytes of rows in a network');
    const ofProxy = index.bytesOf(proxy) + coming.onProxy;
    check(load.onProxy, ofProxy, proxyPlayerBytes, 'bytes of rows of a proxy');
    const logins = index.loginsOf(proxy) + coming.logins;
    check(load.logins, logins, proxyLogins, 'grants of a proxy without a join');
    this.#all = all;
    this.#coming.set(proxy, coming);
    const same = this.#comers.get(comer.id);
    if (same) same.add(comer);
    else this.#comers.set(comer.id, new Set([comer]));
  }

  /** Stops counting a pending row: the table has it, or its write has failed. */
  release(comer: Comer): void {
    const { id, proxy, load } = comer;
    const same = this.#comers.get(id);
    if (!same?.delete(comer)) return;
    if (same.size === 0) this.#comers.delete(id);
    this.#all = plus(this.#all, load, -1);
    const left = plus(this.#coming.get(proxy) ?? NOTHING, load, -1);
    if (Object.values(left).every((count) => count === 0)) this.#coming.delete(proxy);
    else this.#coming.set(proxy, left);
  }

  /** How many players have pending rows. */
  get pending(): number {
    return this.#comers.size;
  }
}

/** A pending row: checked, and not in the table yet. */
interface Comer {
  readonly id: string;
  readonly proxy: string;
  readonly load: Load;
}

export class Admission {
  readonly #proxy: string;
  readonly #room: PlayerAdmission;
  readonly #comers: Comer[] = [];

  constructor(proxy: string, room: PlayerAdmission) {
    this.#proxy = proxy;
    this.#room = room;
  }

  /**
   * Counts a player's new row, which replaces the row `before`. `login`: the row is a grant whose player has not
   * joined yet. A row that adds nothing always fits. Throws PLAYER_LIMIT.
   */
  take(id: string, before: PlayerRow | undefined, rowBytes: number, login = false): void {
    const bytes = Math.max(0, rowBytes - (before?.bytes ?? 0));
    const onProxy = before?.proxy === this.#proxy ? bytes : rowBytes;
    const load = { rows: before ? 0 : 1, bytes, onProxy, logins: login ? 1 : 0 };
    const comer = { id, proxy: this.#proxy, load };
    this.#room.take(comer);
    this.#comers.push(comer);
  }

  /** Stops counting all rows of this admission: the table has them, or their write has failed. */
  release(): void {
    for (const comer of this.#comers.splice(0)) this.#room.release(comer);
  }
}

function plus(one: Load, other: Load, sign: 1 | -1): Load {
  return {
    rows: one.rows + sign * other.rows,
    bytes: one.bytes + sign * other.bytes,
    onProxy: one.onProxy + sign * other.onProxy,
    logins: one.logins + sign * other.logins,
  };
}

function check(more: number, count: number, limit: number, what: string): void {
  if (more === 0 || count <= limit) return;
  const message = `the limit is reached: at most ${limit} ${what}; try again when players have left`;
  throw new KelpieError('PLAYER_LIMIT', message, { limit: String(limit) }, { retryAfterMs: 1000 });
}
