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

/** The error for a report under a generation that is not the player's present one. */
export function staleLogin(id: string): KelpieError {
  const message = `another login or node holds "${id}" now, under another generation`;
  return new KelpieError('STALE_GENERATION', message, { player: id });
}
