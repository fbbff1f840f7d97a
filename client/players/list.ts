/** A proxy's own list of its players: logins, players who are in, and the generations that it has received. */
import { createHash } from 'node:crypto';
import { Player } from '../../gen/ts/kelpie/v1/player.js';
import type { PresenceDigest, SyncPlayers } from '../../gen/ts/kelpie/v1/presence.js';
import { durationOf } from '../core/duration.js';
import { inParts } from '../core/parts.js';
import type { UnansweredChange } from './unanswered.js';

/** How long a login may take. The coordinator's grant ends after the same time. */
const LOGIN_MS = 60_000;
const DIGEST_BYTES = 8;
/** The most players of a part by the contract, and half the bytes of a message. */
const PART_PLAYERS = 1000;
const PART_BYTES = 512 * 1024;
/** The bytes of a player beside their facts. */
const OVERHEAD_BYTES = 32;

/** A player who is in: one presence, from join to leave. */
export interface ListedPlayer {
  readonly id: string;
  player: Player;
  /** 0: the coordinator has not sent it yet. */
  generation: number;
  /** When they came in, by the client's clock. */
  readonly sinceMs: number;
  /** The exchange whose answer has the generation. Reports of the player wait for it. */
  waitsFor?: object;
  /** The coordinator evicted the player under this generation before it sent their own. */
  evicted?: number;
  /** The facts that the proxy changed without an answer. The reports contain them again. */
  unanswered?: UnansweredChange;
}

/** A login that was granted, until the player is in. */
export interface Login {
  /** 0: no coordinator has decided. */
  generation: number;
  readonly sinceMs: number;
  /** The exchange whose answer decides the login after the player was let in. */
  waitsFor?: object;
  /** The player, if they came in meanwhile. */
  listed?: ListedPlayer;
}

/** A part of the list, and its players. */
export interface Part {
  readonly value: SyncPlayers;
  readonly listed: readonly ListedPlayer[];
}

/** Called with each player who came, moved to another server (empty: to none), or left (undefined). */
export type OnServer = (id: string, server: string | undefined) => void;

export class PlayerList {
  readonly #in = new Map<string, ListedPlayer>();
  /** In the order of their grants. */
  readonly #logins = new Map<string, Login>();
  readonly #onServer: OnServer;
  #seen = 0;

  constructor(onServer: OnServer = () => undefined) {
    this.#onServer = onServer;
  }

  get(id: string): ListedPlayer | undefined {
    return this.#in.get(id);
  }

  login(id: string): Login | undefined {
    return this.#logins.get(id);
  }

  /** The players who are in and have changes without an answer. */
  get unanswered(): ListedPlayer[] {
    return [...this.#in.values()].filter(({ unanswered }) => unanswered !== undefined);
  }

  /** The number of players who are in. */
  get size(): number {
    return this.#in.size;
  }

  /** The coordinator sent a generation. */
  saw(generation: number): void {
    this.#seen = Math.max(this.#seen, generation);
  }

  /** A login is granted. Older logins that never ended are dropped after 60 s, as in the coordinator. */
  grant(id: string, generation: number, nowMs: number): Login {
    this.saw(generation);
    this.#logins.delete(id);
    const login: Login = { generation, sinceMs: nowMs };
    this.#logins.set(id, login);
    for (const [other, { sinceMs }] of this.#logins) {
      if (nowMs - sinceMs <= LOGIN_MS) break;
      this.#logins.delete(other);
    }
    return login;
  }

  endLogin(id: string): Login | undefined {
    const login = this.#logins.get(id);
    this.#logins.delete(id);
    return login;
  }

  add(player: Player, generation: number, nowMs: number): ListedPlayer {
    const listed = { id: player.id, player, generation, sinceMs: nowMs };
    this.#in.set(player.id, listed);
    this.#onServer(player.id, player.server);
    return listed;
  }

  /** The player has these facts now. */
  set(listed: ListedPlayer, player: Player): void {
    const before = listed.player.server;
    listed.player = player;
    if (before !== player.server && this.has(listed)) this.#onServer(listed.id, player.server);
  }

  /** Whether this presence is in the list: not after the player left, or if a newer presence took its place. */
  has(listed: ListedPlayer): boolean {
    return this.#in.get(listed.id) === listed;
  }

  remove(listed: ListedPlayer): void {
    if (!this.has(listed)) return;
    this.#in.delete(listed.id);
    this.#onServer(listed.id, undefined);
  }

  digest(): PresenceDigest {
    const rows = [...this.#in.values()].map(({ id, generation, player: { server } }) => {
      return { id, generation, server };
    });
    return { players: rows.length, digest: digestOf(rows) };
  }

  /** The whole list in parts, by id. */
  parts(nowMs: number): Part[] {
    const sorted = [...this.#in.values()].sort((left, right) => (left.id < right.id ? -1 : 1));
    const size = ({ player }: ListedPlayer): number =>
      Player.encode(player).finish().length + OVERHEAD_BYTES;
    const parts = inParts(sorted, size, PART_PLAYERS, PART_BYTES);
    if (parts.length === 0) parts.push([]);
    const asOf = this.#asOf();
    let afterId = '';
    return parts.map((listed, index) => {
      const upToId = index === parts.length - 1 ? '' : (listed.at(-1)?.id ?? '');
      const players = listed.map(({ player, generation }) => ({ ...player, generation }));
      // If two logins have no grant, the coordinator keeps the newer one.
      const ages = listed
        .filter(({ generation }) => generation === 0)
        .map(({ id, sinceMs }) => [id, durationOf(nowMs - sinceMs)] as const);
      const loginAges = Object.fromEntries(ages);
      const value = { asOf, afterId, upToId, players, loginAges };
      afterId = upToId;
      return { value, listed };
    });
  }

  /** Below the generations of all logins: their players are not in the list yet, and the list must not end them. */
  #asOf(): number {
    let asOf = this.#seen;
    for (const { generation } of this.#logins.values()) {
      if (generation > 0) asOf = Math.min(asOf, generation - 1);
    }
    return asOf;
  }
}

/** The digest of players who are in, in any order, as PresenceDigest describes it. */
export function digestOf(
  players: Iterable<{ readonly id: string; readonly generation: number; readonly server: string }>,
): Buffer {
  const lines = Array.from(
    players,
    ({ id, generation, server }) => `${id} ${generation} ${server}\n`,
  );
  // The lines are ASCII, so this order is the order of their bytes.
  const text = lines.sort((left, right) => (left < right ? -1 : 1)).join('');
  return createHash('sha256').update(text).digest().subarray(0, DIGEST_BYTES);
}
