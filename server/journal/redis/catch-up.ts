/**
 * Brings a follower to the end of the stream: when an entry is missing, after a connection was made anew, and
 * regularly, because messages may be lost. This look is also what finds that the epoch has ended while nobody writes.
 */
import type { Cancel, Clock } from '../../core/clock.js';
import { EpochEnded } from './fault.js';
import type { Follower } from './follower.js';
import { type Position, runOfStream, type StreamRun } from './run.js';
import type { RedisStore } from './store.js';

/** How much of the stream it reads at once. */
const ENTRIES = 1000;
const BYTES = 512 * 1024;

/** The reason of an end that is no end of the epoch: the stream does not have the next entries any more. */
export const LEFT_BEHIND = 'entries that are gone';

export interface CatchUpParts {
  readonly store: RedisStore;
  readonly epoch: Uint8Array;
  readonly follower: Follower;
  readonly clock: Clock;
  /** How often it looks whether a message was lost. */
  readonly checkMs: number;
  readonly onEnd: (reason: string) => void;
  /** Called with the number of entries that came while it looked regularly: usually none. */
  readonly onFound: (entries: number) => void;
}

export class CatchUp {
  readonly #parts: CatchUpParts;
  #reading: Promise<void> | undefined;
  #waits = false;
  #wanted = 0;
  #stopped = false;
  #cancel: Cancel = () => undefined;
  /** The entries that the follower did not have at the last look. */
  lagEntries = 0;

  constructor(parts: CatchUpParts) {
    this.#parts = parts;
    this.#check();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  /** The newest position of the store and runs from a sequence on. Rejects if Redis cannot be asked. */
  async ask(
    from: number,
    entries: number,
    bytes: number,
  ): Promise<{ readonly newest: Position; readonly runs: readonly StreamRun[] }> {
    const { store, epoch, follower, onEnd } = this.#parts;
    const { head } = follower;
    try {
      const found = await store.read(epoch, from, entries, bytes);
      const { sequence, tag } = found.newest;
      if (sequence < head.sequence) throw new EpochEnded('a sequence that ran back');
      if (sequence > head.sequence || tag === head.tag) return found;
      throw new EpochEnded('another tag at the head');
    } catch (error) {
      if (error instanceof EpochEnded && !this.#stopped) onEnd(error.message);
      throw error;
    }
  }

  /** Resolves when the follower has all that is in the stream. Rejects if Redis cannot be asked. */
  now(): Promise<void> {
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  /** As `now`, but counts what is there at the time of the call: a read under way may have begun before. */
  async afresh(): Promise<void> {
    if (this.#reading) await this.#reading;
    await this.now();
  }

  /**
   * Entries up to this sequence exist. Other ways often bring them in the next turns of the event loop. If not, the
   * stream does.
   */
  soon(upTo: number): void {
    this.#wanted = Math.max(this.#wanted, upTo);
    if (this.#waits || this.#reading) return;
    this.#waits = true;
    setImmediate(() =>
      setImmediate(() => {
        this.#waits = false;
        const isBehind = this.#parts.follower.head.sequence < this.#wanted;
        this.#wanted = 0;
        if (isBehind && !this.#stopped) this.now().catch(() => undefined);
      }),
    );
  }

  async #read(): Promise<void> {
    const { follower } = this.#parts;
    for (let newest = Infinity; newest > follower.head.sequence;) {
      const found = await this.ask(follower.head.sequence + 1, ENTRIES, BYTES);
      newest = found.newest.sequence;
      this.lagEntries = Math.max(0, newest - follower.head.sequence);
      if (this.#stopped) return;
      const runs = found.runs.map(runOfStream);
      for (const run of runs) follower.offer(run);
      // The stream does not have what comes next.
      if (follower.head.sequence < (runs.at(-1)?.last ?? newest)) {
        this.#parts.onEnd(LEFT_BEHIND);
        return;
      }
    }
  }

  #check(): void {
    this.#cancel = this.#parts.clock.after(this.#parts.checkMs, () => {
      const { follower, onFound } = this.#parts;
      const before = follower.head.sequence;
      this.now()
        .then(
          () => onFound(follower.head.sequence - before),
          () => undefined,
        )
        .finally(() => {
          if (!this.#stopped) this.#check();
        });
    });
  }
}
