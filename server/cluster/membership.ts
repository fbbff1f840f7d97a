/**
 * The port to the list of coordinators that share one engine. The engine's clock judges who is alive. Memory and
 * files have one coordinator at a time, which is always alive.
 */

/** The facts that a coordinator gives to the others. */
export interface CoordinatorFacts {
  /** New for each start. */
  readonly id: string;
  /** Of the software. */
  readonly version: string;
  /** Host and port where others reach it, for people; empty if it listens on no socket. */
  readonly endpoint: string;
  /** Open sessions. */
  readonly sessions: number;
  /** Entries of the engine that it has not folded yet, summed over its networks. */
  readonly lagEntries: number;
  /** Whether it asks its sessions to move on. */
  readonly draining: boolean;
  /** The number of its beat. Coordinators of older versions do not give it. */
  readonly beats?: number;
}

export interface Membership {
  /** Says that this coordinator is alive for `ttlMs` from now on. Rejects if the engine did not take it. */
  beat(facts: CoordinatorFacts, ttlMs: number): Promise<void>;
  /** The coordinators whose beat has not run out. Rejects if the engine cannot be asked: nobody is dead then. */
  alive(): Promise<readonly CoordinatorFacts[]>;
  /** Takes a coordinator off the list before its beat runs out. */
  leave(id: string): Promise<void>;
  close(): Promise<void>;
}
