/** The stored networks of an engine, for `kelpied data export` and `kelpied data import`. */
import type { Clock } from '../core/clock.js';
import type { CredentialStore } from './credential-store.js';
import type { Journal } from './journal.js';

export interface Storage {
  /** Where it is, for people. */
  readonly place: string;
  /** The endpoints of coordinators that use it. A data directory has a lock instead. */
  users(): Promise<readonly string[]>;
  /** Whether the network has a journal. */
  has(network: string): Promise<boolean>;
  /** Opens the journal of a network. Rejects if there is none. */
  openJournal(network: string): Promise<Journal>;
  /** Makes an empty journal beside that of the network. */
  stage(network: string, clock: Clock): Promise<StagedJournal>;
  credentials(): Promise<CredentialStore>;
  close(): Promise<void>;
}

/** A journal that nobody sees yet. */
export interface StagedJournal {
  readonly journal: Journal;
  /** Puts it in the place of the network's journal in one step, and ends its use. */
  readonly commit: () => Promise<void>;
  /** Removes it. After `commit` it does nothing. */
  readonly discard: () => Promise<void>;
}
