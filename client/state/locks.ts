/**
 * The locks of a client. Of one process only one caller at a time competes for a lock, in the order of the calls. The
 * presence of the process holds its locks: they are lost if it ends.
 */
import { whole, UINT32 } from '../core/arguments.js';
import type { Cancel } from '../core/clock.js';
import { known } from '../core/known.js';
import type { KelpieError } from '../errors.js';
import { Contender, type ContenderParts } from './contender.js';
import { topicOf, type ValuePlace } from '../core/value-place.js';
import type { Lock } from './lock.js';

/** How long `lock` waits, unless its options say otherwise. */
const WAIT_MS = 10_000;
const LONGEST_TTL_MS = 30 * 24 * 60 * 60 * 1000;

/** The options of `lock`. */
export interface LockOptions {
  /** How long to wait while another caller has the lock, in milliseconds. Default 10,000. 0: not at all. */
  readonly waitMs?: number;
  /** The longest time for which the lock is held, from 1000 (1 s) to 30 days. Default: as long as the process lives. */
  readonly ttlMs?: number;
}

/** The functions that locks get from the client. */
export interface LocksParts extends ContenderParts {
  /** How long the coordinator keeps a node without a stream. */
  readonly graceMs: () => number;
}

export class Locks {
  readonly #parts: LocksParts;
  /** Those who compete for a lock, and those who hold one. */
  readonly #contenders = new Set<Contender>();
  /** The end of the last waiting caller, by topic. */
  readonly #turns = new Map<string, Promise<void>>();
  #away: Cancel | undefined;
  #ended: KelpieError | undefined;

  constructor(parts: LocksParts) {
    this.#parts = parts;
  }

  async lock(place: ValuePlace, options: LockOptions): Promise<Lock> {
    const { waitMs = WAIT_MS, ttlMs } = known('the options object of lock', options, {
      waitMs: 1,
      ttlMs: 1,
    });
    whole('waitMs', waitMs, 0, UINT32);
    if (ttlMs !== undefined) whole('ttlMs', ttlMs, 1000, LONGEST_TTL_MS);
    if (this.#ended) throw this.#ended;
    const contender = new Contender(place, this.#parts, waitMs, ttlMs);
    this.#contenders.add(contender);
    void contender.ended.then(() => this.#contenders.delete(contender));
    const topic = topicOf(place);
    const before = this.#turns.get(topic) ?? Promise.resolve();
    const competing = contender.compete(before);
    // A caller that gives up early keeps its place until the callers before it have ended.
    const turn = Promise.allSettled([before, competing]).then(() => undefined);
    this.#turns.set(topic, turn);
    void turn.then(() => {
      if (this.#turns.get(topic) === turn) this.#turns.delete(topic);
    });
    return competing;
  }

  /** The number of callers that wait for a lock or hold one. */
  get size(): number {
    return this.#contenders.size;
  }

  /** The session is open. `resumed`: the presence of the process goes on. */
  connected(resumed: boolean): void {
    this.#away?.();
    this.#away = undefined;
    for (const contender of this.#contenders) contender.connected(resumed);
  }

  /** No session is open. After the grace the coordinator ends the presence. */
  disconnected(): void {
    this.#away ??= this.#parts.clock.after(this.#parts.graceMs(), () => {
      for (const contender of this.#contenders) contender.lose();
    });
  }

  /** The client has ended. */
  close(error: KelpieError): void {
    this.#away?.();
    this.#ended = error;
    for (const contender of this.#contenders) contender.fail(error);
  }
}
