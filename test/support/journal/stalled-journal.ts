/** A journal whose disk stalls when a test says so. */
import type { Outcome, Transaction } from '../../../server/journal/journal.js';
import { MemoryJournal } from '../../../server/journal/memory/memory-journal.js';

export class StalledJournal extends MemoryJournal {
  #stall: Promise<void> | undefined;
  #resume = (): void => undefined;

  stall(): void {
    this.#stall = new Promise((resolve) => (this.#resume = resolve));
  }

  resume(): void {
    this.#stall = undefined;
    this.#resume();
  }

  override async append(transactions: readonly Transaction[]): Promise<Outcome[]> {
    if (this.#stall) await this.#stall;
    return super.append(transactions);
  }
}
