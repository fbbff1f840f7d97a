/**
 * A journal as one process has it open: each call may take a few turns of the event loop, in order,
 * and when the process dies, nothing of it reaches the journal any more and it hears of nothing.
 */
import type { Cursor } from '../../../server/core/cursor.js';
import type {
  Entry,
  Journal,
  JournalGap,
  Outcome,
  Page,
  TableRow,
  Transaction,
  Unsubscribe,
  Usage,
} from '../../../server/journal/journal.js';

export class JournalAccess implements Journal {
  readonly durability = 'NONE';
  readonly #journal: Journal;
  readonly #turns: () => number;
  readonly #forget = new Set<Unsubscribe>();
  #before: Promise<unknown> = Promise.resolve();
  #dead = false;

  /** @param turns how many turns of the event loop the next append or read takes; Infinity never ends */
  constructor(journal: Journal, turns: () => number = () => 0) {
    this.#journal = journal;
    this.#turns = turns;
  }

  append(transactions: readonly Transaction[]): Promise<Outcome[]> {
    if (this.#dead) return new Promise(() => undefined);
    const turns = this.#turns();
    const outcomes = this.#before.then(async () => {
      await pass(turns);
      // A process that is dead gets no answer.
      if (this.#dead) return new Promise<Outcome[]>(() => undefined);
      return this.#journal.append(transactions);
    });
    this.#before = outcomes.catch(() => undefined);
    return outcomes;
  }

  get readOnly(): boolean {
    return this.#journal.readOnly;
  }

  async read(after: Cursor, limit: number, bytes?: number): Promise<Page | JournalGap> {
    await pass(this.#turns());
    return this.#journal.read(after, limit, bytes);
  }

  rows(prefix: string): AsyncIterable<TableRow> {
    return this.#journal.rows(prefix);
  }

  producer(instance: Uint8Array): Promise<number | undefined> {
    return this.#journal.producer(instance);
  }

  since(ageMs: number): Promise<Cursor> {
    return this.#journal.since(ageMs);
  }

  get head(): Cursor {
    return this.#journal.head;
  }

  get oldest(): Cursor {
    return this.#journal.oldest;
  }

  usage(): Usage {
    return this.#journal.usage();
  }

  onAppend(listener: (entries: readonly Entry[]) => void): Unsubscribe {
    const forget = this.#journal.onAppend(listener);
    this.#forget.add(forget);
    return forget;
  }

  async close(): Promise<void> {
    this.die();
  }

  die(): void {
    this.#dead = true;
    for (const forget of this.#forget) forget();
  }
}

async function pass(turns: number): Promise<void> {
  if (turns === Infinity) return new Promise(() => undefined);
  for (let turn = 0; turn < turns; turn++) await new Promise((next) => setImmediate(next));
}
