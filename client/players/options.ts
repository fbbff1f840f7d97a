/** The options of a proxy with players, and the results that it gets. */
import type { Verified } from '../commands/commands.js';
import type { DenialReasonName, PlayerLeaveReasonName } from '../core/spelling.js';

/** The functions and settings of a proxy that has players. */
export interface PlayersOptions {
  /**
   * Disconnect this player and show them the text: they logged in elsewhere, their login took too long, or the
   * coordinator refused them. The client sends no further reports about them.
   */
  readonly onEvicted: (evicted: Evicted) => void;
  /**
   * Returns whether a player is really there. The coordinator asks when they log in elsewhere, also for players who are
   * logging in here. Without this function a login elsewhere always wins.
   */
  readonly verify?: (id: string) => Verified | Promise<Verified>;
  /**
   * The rule for a login without a decision of a coordinator: none is connected, it cannot store anything (its disk is
   * full, or its Redis is away), or it took too long. `open`, the default: the client lets the player in. `deny`: it refuses the login. In a
   * maintenance that the roster knows, the client lets in only the allowed players, and players who are in already.
   */
  readonly whenAway?: 'open' | 'deny';
  /**
   * How many milliseconds a coordinator may take for a login, 1 to 60,000. Default 5000: a coordinator waits at most a
   * second for another proxy, and a player's client waits longer than 5 s.
   */
  readonly acquireTimeoutMs?: number;
  /** Called with each heartbeat. Returns the round-trip times of players in milliseconds, by player id. */
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
   * Let the player in. `generation` 0: no coordinator has decided. If one later decides against the player, the client
   * calls `onEvicted`. `ticket`: a transfer brought the player to this proxy.
   */
  | { readonly granted: true; readonly generation: number; readonly ticket?: Ticket }
  /**
   * Refuse the player and show them the text. `reason`: another login holds the player (ONLINE), or the network is in
   * maintenance and the player is not allowed (MAINTENANCE); left out if the login was cancelled, or no coordinator
   * decided. `proxy`: the proxy that has the player, if another one does.
   */
  | {
      readonly granted: false;
      readonly text: string;
      readonly reason?: DenialReasonName;
      readonly proxy?: string;
    };

/** The goal of the transfer that brought a player to this proxy. A login gets it once. */
export interface Ticket {
  /** Bring the player to this server. Empty: your rules for joins decide. */
  readonly server: string;
  /** The context of the transfer: see `contextJson` and `contextText`. */
  readonly context: Uint8Array;
  readonly transferId: string;
  /** The server that the player was on before; empty: none. */
  readonly fromServer: string;
}

/**
 * The rule for a login of a player whom another proxy has. DENY_NEW refuses the login. KICK_OLD evicts the player from
 * the other proxy. VERIFY_OLD asks the other proxy whether the player is really there.
 */
export type Policy = 'DENY_NEW' | 'KICK_OLD' | 'VERIFY_OLD';
