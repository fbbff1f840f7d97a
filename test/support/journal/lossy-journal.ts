/** A journal that may lose the answer to an append, like an engine with a broken connection. */
import type { Entry, Outcome, Transaction, Unsubscribe } from '../../../server/journal/journal.js';
import { MemoryJournal } from '../../../server/journal/memory/memory-journal.js';

export class LossyJournal extends MemoryJournal {
  /** When the next append rejects: `before` or `after` it has stored. */
  lose: 'after' | 'before' | undefined;
  /** Until this ends, the journal calls no listener, so its head is ahead of the tables. */
  late: Promise<void> | undefined;
  appends = 0;

  override async append(transactions: readonly Transaction[]): Promise<Outcome[]> {
    this.appends += 1;
    const { lose } = this;
    this.lose = undefined;
    const outcomes = lose === 'before' ? [] : await super.append(transactions);
    if (lose) throw new Error('the connection broke');
    return outcomes;
  }

  override onAppend(listener: (entries: readonly Entry[]) => void): Unsubscribe {
    return super.onAppend((entries) => {
      if (this.late) void this.late.then(() => listener(entries));
      else listener(entries);
    });
  }
}
