/**
 * The port by which coordinators on one engine send each other messages. A message arrives at most once, within some
 * seconds, and may be lost: each sender has a deadline of its own. Messages from one coordinator to another arrive in order.
 */
import type { Unsubscribe } from '../journal/journal.js';

/** A message of another coordinator. */
export interface BusMessage {
  /** The id of the sender. */
  readonly from: string;
  readonly bytes: Uint8Array;
  /** So long ago at most it was sent. */
  readonly ageMs: number;
}

export interface Bus {
  /** Sends to one coordinator. Rejects if the engine did not take the message. */
  send(to: string, bytes: Uint8Array): Promise<void>;
  /** Sends to all other coordinators. */
  broadcast(bytes: Uint8Array): Promise<void>;
  /** Calls the listener with each message for this coordinator. */
  onMessage(listener: (message: BusMessage) => void): Unsubscribe;
  close(): Promise<void>;
}
