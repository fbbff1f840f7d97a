/**
 * Journals on one store in memory, whose epoch a test can end as the failover of a shared engine does: the journal that
 * is open stores nothing more, and the next one has a new epoch, with rows that are older or gone.
 */
import type { Clock } from '../../../server/core/clock.js';
import { JournalEnded, JournalError } from '../../../server/journal/error.js';
import type { JournalFaults } from '../../../server/journal/faults.js';
import type { Journal, Outcome, TableRow, Transaction } from '../../../server/journal/journal.js';
import { MemoryJournal } from '../../../server/journal/memory/memory-journal.js';

import { deferred } from '../deferred.js';

const RETENTION = { entries: 100_000, bytes: 2 ** 30, ageMs: 2 ** 40 };

export class Epochs {
  readonly #clock: Clock;
  #open: { readonly journal: MortalJournal; readonly faults: JournalFaults } | undefined;
  #rows: TableRow[] = [];
  /** How many journals were opened. */
  opened = 0;
  /** The next openings fail. */
  failures = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readonly open = async (_: string, faults: JournalFaults): Promise<Journal> => {
    if (this.failures > 0) {
      this.failures -= 1;
      throw new JournalError('UNREACHABLE', 'the storage is away');
    }
    this.opened += 1;
    const journal = new MortalJournal(this.#clock, RETENTION, faults.onFault);
    if (this.#rows.length > 0) await journal.append([{ entries: this.#rows.map(entryOf) }]);
    this.#open = { journal, faults };
    return journal;
  };

  /** The rows as they are now: a later end may go back to them. */
  async rows(): Promise<TableRow[]> {
    const found: TableRow[] = [];
    for await (const row of this.#open?.journal.rows('') ?? []) found.push(row);
    return found;
  }

  /** From now on no append is stored; each rejects when the epoch ends. */
  hold(): void {
    this.#open?.journal.hold();
  }

  /** How many appends wait for the end of the epoch. */
  get held(): number {
    return this.#open?.journal.held ?? 0;
  }

  /** Ends the epoch. The next journal begins with these rows. */
  end(rows: TableRow[]): void {
    this.#rows = rows;
    this.#open?.journal.end();
    this.#open?.faults.onEpochEnd('the test ended it');
  }
}

function entryOf({ key, value }: TableRow) {
  return { topic: 'kelpie.test', event: new Uint8Array(), source: '', key, value };
}

class MortalJournal extends MemoryJournal {
  readonly #ended = deferred<never>();
  #isHeld = false;
  held = 0;

  override async append(transactions: readonly Transaction[]): Promise<Outcome[]> {
    if (this.#isHeld) {
      this.held += 1;
      await this.#ended.promise;
    }
    return this.#isHeld ? refused() : super.append(transactions);
  }

  hold(): void {
    this.#isHeld = true;
  }

  end(): void {
    this.#isHeld = true;
    this.#ended.resolve(undefined as never);
  }
}

function refused(): never {
  throw new JournalEnded('the epoch of the journal has ended');
}
