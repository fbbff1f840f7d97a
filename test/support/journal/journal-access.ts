/**
 * One process's access to a journal that several processes use. Each call may take a few turns of the event loop; calls
 * stay in order. When the process dies, its calls do not reach the journal any more, and its listeners get nothing.
 */
import type { Cursor } from '../../../server/core/cursor.js';
import type {
  Entry,
  Journal,
  JournalGap,
  Outcome,
  Page,
  StoredProducer,
  TableRow,
  Transaction,
  Unsubscribe,
  Usage,
} from '../../../server/journal/journal.js';

export class JournalAccess implements Journal {
  readonly durability = 'NONE';
  readonly #journal: Journal;
  readonly #turns: () => number;
  readonly #subscriptions = new Set<Unsubscribe>();
  #before: Promise<unknown> = Promise.resolve();
  #dead = false;

  /** @param turns how many turns of the event loop the next append or read takes; with Infinity it never ends */
  constructor(journal: Journal, turns: () => number = () => 0) {
    this.#journal = journal;
    this.#turns = turns;
  }

  append(transactions: readonly Transaction[]): Promise<Outcome[]> {
    if (this.#dead) return new Promise(() => undefined);
    const turns = this.#turns();
    const outcomes = this.#before.then(async () => {
      await pass(turns);
      // A dead process gets no answer.
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

  producers(): AsyncIterable<StoredProducer> {
    return this.#journal.producers();
  }

  since(ageMs: number): Promise<Cursor> {
    return this.#journal.since(ageMs);
  }

  get head(): Cursor {
    return this.#journal.head;
  }

  newest(): Promise<Cursor> {
    return this.#journal.newest();
  }

  get oldest(): Cursor {
    return this.#journal.oldest;
  }

  usage(): Usage {
    return this.#journal.usage();
  }

  onAppend(listener: (entries: readonly Entry[]) => void): Unsubscribe {
    const unsubscribe = this.#journal.onAppend(listener);
    this.#subscriptions.add(unsubscribe);
    return unsubscribe;
  }

  async close(): Promise<void> {
    this.die();
  }

  die(): void {
    this.#dead = true;
    for (const unsubscribe of this.#subscriptions) unsubscribe();
  }
}

async function pass(turns: number): Promise<void> {
  if (turns === Infinity) return new Promise(() => undefined);
  for (let turn = 0; turn < turns; turn++) await new Promise((next) => setImmediate(next));
}
