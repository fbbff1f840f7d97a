/** What a proxy brings for its players, and what it gets. */
import type { Verified } from '../commands/commands.js';
import type { PlayerLeaveReasonName } from '../core/spelling.js';

/** The functions and settings of a proxy that has players. */
export interface PlayersOptions {
  /**
   * Disconnects this player and shows them the text: they are elsewhere, their login took too long, or the
   * coordinator did not take them. The proxy reports nothing more of them.
   */
  readonly onEvicted: (evicted: Evicted) => void;
  /**
   * Reports whether a player is really there, when they log in elsewhere. The client also calls it for players
   * who are logging in. Without it a login elsewhere always wins.
   */
  readonly verify?: (id: string) => Verified | Promise<Verified>;
  /**
   * What the client does with a login that no coordinator decides: none is connected, it cannot store anything
   * (its disk is full), or it took too long. `open`, the default: it lets the player in. `deny`: it refuses.
   */
  readonly whenAway?: 'open' | 'deny';
  /**
   * How long a coordinator may take for a login, 1 to 60,000. Default 5000: it asks another proxy for at
   * most a second, and clients wait longer than that.
   */
  readonly acquireTimeoutMs?: number;
  /** Called with each heartbeat: how long a packet to a player and back takes, in milliseconds, by player id. */
  readonly latencies?: () => Iterable<readonly [id: string, ms: number]>;
}

/** A player whom the proxy must disconnect. */
export interface Evicted {
  readonly id: string;
  /** The text to show the player. */
  readonly text: string;
  readonly reason: PlayerLeaveReasonName;
}

/** The result of a login. */
export type Acquired =
  /**
   * Let the player in. `generation` 0: no coordinator decided. When one does, it settles the player, and
   * `onEvicted` is called if they must go.
   */
  | { readonly granted: true; readonly generation: number }
  /** Refuse the player and show them the text. `proxy` is the proxy that has them, where one does. */
  | { readonly granted: false; readonly text: string; readonly proxy?: string };

/**
 * What a login does if another proxy has the player. DENY_NEW refuses it, KICK_OLD evicts the player there,
 * VERIFY_OLD asks the other proxy whether the player is really there.
 */
export type Policy = 'DENY_NEW' | 'KICK_OLD' | 'VERIFY_OLD';
