/** Logs and metrics observe sessions. */
import type { Access } from '../access/access.js';
import type { ReasonName } from '../core/errors.js';
import { Listeners } from '../core/listeners.js';
import type { Claimed } from '../nodes/claims.js';

/** How a session came to its end: by a Goodbye, without one, or by an error. */
export type SessionEnd = 'STOPPED' | 'DRAINED' | 'LOST' | ReasonName;

/** A session that was welcomed. */
export interface OpenedSession {
  readonly name: string;
  readonly sessionId: string;
  readonly generation: number;
  readonly outcome: Claimed['outcome'];
  /** Where its stream comes from. */
  readonly host: string;
  /** Its credential; undefined if the coordinator asks for none. */
  readonly credential: Access['credential'];
}

/** A stream that got no Welcome. */
interface RefusedSession {
  /** The name in its Hello, unchecked; undefined if no Hello came. */
  readonly name: string | undefined;
  readonly host: string;
  readonly reason: ReasonName;
}

/** Sessions call it in the middle of their work: it must not wait. A fault of it is reported. */
export interface SessionObserver {
  opened(session: OpenedSession): void;
  refused(session: RefusedSession): void;
  /** Of a session that was opened. */
  ended(session: { readonly name: string; readonly sessionId: string }, end: SessionEnd): void;
  /** A request on an open session was answered with RequestFailed. */
  requestFailed(reason: ReasonName): void;
  /** A proxy's list of players differs from the table. */
  presenceDiffers(): void;
  /** The coordinator begins to stop while so many sessions are open. */
  draining(sessions: number): void;
}

/** One observer that calls all of them. Never throws. */
export function allObservers(
  observers: readonly SessionObserver[],
  onFault: (error: unknown) => void,
): SessionObserver {
  const listeners = new Listeners<[(observer: SessionObserver) => void]>(onFault);
  for (const observer of observers) listeners.add((tell) => tell(observer));
  const all = (tell: (observer: SessionObserver) => void): void => listeners.tell(tell);
  return {
    opened: (session) => all((observer) => observer.opened(session)),
    refused: (session) => all((observer) => observer.refused(session)),
    ended: (session, end) => all((observer) => observer.ended(session, end)),
    requestFailed: (reason) => all((observer) => observer.requestFailed(reason)),
    presenceDiffers: () => all((observer) => observer.presenceDiffers()),
    draining: (sessions) => all((observer) => observer.draining(sessions)),
  };
}
