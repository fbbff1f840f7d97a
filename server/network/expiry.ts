/**
 * Ends rows that have a time to live, when it has passed. The time of a row begins when this coordinator first sees
 * the row: it is measured by the monotonic clock, and the rows of a former coordinator begin anew.
 */
import type { Cancel, Clock } from '../core/clock.js';
import { Turnstile } from '../core/turnstile.js';
import type { Folded, Table } from './table.js';

/** How many rows one turn of the event loop ends: after a start many may end at once. */
const ENDINGS = 16;
/** The wait before another attempt at an ending that failed. */
const RETRY_MS = 1000;

/** The rule and the effect of the end of one kind of rows. */
export interface ExpiryOptions<T> {
  /** Counts only the time in which this coordinator listened: after a stall, a renewal may still be unread. */
  readonly listening: Clock;
  /** The time that a row has; undefined: it does not end by itself. */
  readonly ttlMsOf: (value: T) => number | undefined;
  /** Ends the row. Its write must require the row unchanged. */
  readonly end: (name: string, row: Folded<T>) => Promise<unknown>;
  readonly onFault: (error: unknown) => void;
}

/** The timer of a row. */
interface Timer {
  readonly cancel: Cancel;
  /** By the clock of the options. */
  readonly endsAtMs: number;
}

export class Expiry<T> {
  readonly #table: Table<T>;
  readonly #options: ExpiryOptions<T>;
  readonly #timers = new Map<string, Timer>();
  readonly #endings = new Turnstile(ENDINGS);
  #closed = false;

  /** Rows that the table has already begin their time now. */
  constructor(table: Table<T>, options: ExpiryOptions<T>) {
    this.#table = table;
    this.#options = options;
    table.watch((name, _, after) => this.#follow(name, after));
    for (const [name, row] of table.entries()) this.#follow(name, row);
  }

  #follow(name: string, row: Folded<T> | undefined): void {
    this.#timers.get(name)?.cancel();
    this.#timers.delete(name);
    const ttlMs = row && this.#options.ttlMsOf(row.value);
    if (row && ttlMs !== undefined) this.#endAfter(ttlMs, name, row);
  }

  #endAfter(delayMs: number, name: string, row: Folded<T>): void {
    if (this.#closed) return;
    const end = (): void => {
      this.#timers.delete(name);
      this.#end(name, row).catch((error: unknown) => {
        this.#options.onFault(error);
        if (!this.#timers.has(name) && this.#isPresent(name, row)) {
          this.#endAfter(RETRY_MS, name, row);
        }
      });
    };
    const { listening } = this.#options;
    const cancel = listening.after(delayMs, end);
    this.#timers.set(name, { cancel, endsAtMs: listening.now() + delayMs });
  }

  async #end(name: string, row: Folded<T>): Promise<void> {
    await this.#endings.pass();
    if (!this.#closed && this.#isPresent(name, row)) await this.#options.end(name, row);
  }

  /** Whether the row is still the one that the timer was for. */
  #isPresent(name: string, { sequence }: Folded<T>): boolean {
    return this.#table.get(name)?.sequence === sequence;
  }

  /** The time until the row ends; undefined: it has no timer. */
  leftMs(name: string): number | undefined {
    const timer = this.#timers.get(name);
    return timer && Math.max(0, timer.endsAtMs - this.#options.listening.now());
  }

  /** The number of rows with a timer. */
  get size(): number {
    return this.#timers.size;
  }

  /** Stops all timers. No timer starts after this. */
  close(): void {
    this.#closed = true;
    for (const { cancel } of this.#timers.values()) cancel();
    this.#timers.clear();
  }
}
