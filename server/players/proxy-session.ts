/** The session of a proxy. Only the process that holds a player may report about them. */
import { sameBytes } from '../core/cursor.js';
import { KelpieError } from '../core/errors.js';
import type { PlayerRow } from './rows.js';

/** A proxy's session. */
export interface ProxySession {
  readonly name: string;
  readonly instance: Uint8Array;
  /** The fencing token of the session. */
  readonly generation: number;
}

/** Whether this process holds the player. */
export function holds({ name, instance }: ProxySession, row: PlayerRow): boolean {
  return row.proxy === name && sameBytes(row.instance, instance);
}

/** The error for a report under a generation that is not the player's newest. */
export function staleLogin(id: string): KelpieError {
  return new KelpieError('STALE_GENERATION', `a newer login of "${id}" holds`, { player: id });
}

/** The error for a session whose node another session owns now. */
export function staleSession({ name }: ProxySession): KelpieError {
  return new KelpieError('STALE_GENERATION', `a newer stream owns "${name}"`, { name });
}
