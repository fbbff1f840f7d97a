/**
 * One coordinator's view of a journal that several coordinators write. A test can hold the view back, as a slow doorbell
 * does: then the coordinator does not see the entries of others. It sees its own entries, and all before them, when the
 * append resolves.
 */
import type { Cursor } from '../../../server/core/cursor.js';
import { KelpieError } from '../../../server/core/errors.js';
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

export class JournalView implements Journal {
  readonly durability = 'NONE';
  readonly readOnly = false;
  readonly #journal: Journal;
  readonly #listeners = new Set<(entries: readonly Entry[]) => void>();
  /** Entries that the view has not shown. */
  #hidden: Entry[] = [];
  #held = false;
  #away = false;
  #dead = false;
  #head: Cursor;
  readonly #unsubscribe: Unsubscribe;

  constructor(journal: Journal) {
    this.#journal = journal;
    this.#head = journal.head;
    this.#unsubscribe = journal.onAppend((entries) => {
      this.#hidden.push(...entries);
      // In a later turn, as news from another machine comes.
      setImmediate(() => {
        if (!this.#held) this.#show(Infinity);
      });
    });
  }

  /** From now on the coordinator does not see what others store. */
  hold(): void {
    this.#held = true;
  }

  /** The coordinator sees all that it missed. */
  release(): void {
    this.#held = false;
    this.#show(Infinity);
  }

  /** The store cannot be reached, until it is back. */
  set away(away: boolean) {
    this.#away = away;
    if (away) this.hold();
    else this.release();
  }

  /** The process is gone. */
  die(): void {
    this.#dead = true;
    this.#unsubscribe();
    this.#listeners.clear();
  }

  #show(upTo: number): void {
    if (this.#dead) return;
    const after = this.#hidden.findIndex(({ sequence }) => sequence > upTo);
    const shown = this.#hidden.splice(0, after === -1 ? this.#hidden.length : after);
    const last = shown.at(-1);
    if (!last) return;
    this.#head = { epoch: this.#head.epoch, sequence: last.sequence, tag: last.tag };
    for (const listener of this.#listeners) listener(shown);
  }

  async append(transactions: readonly Transaction[]): Promise<Outcome[]> {
    await this.#travel();
    const outcomes = await this.#journal.append(transactions);
    const ends = outcomes.map((outcome, index) => endOf(outcome, transactions[index]));
    this.#show(Math.max(...ends));
    await this.#travel();
    return outcomes;
  }

  /** The way to the store and back. */
  async #travel(): Promise<void> {
    await new Promise((next) => setImmediate(next));
    if (this.#dead) await new Promise(() => undefined);
    if (this.#away) throw new Error('the store is away');
  }

  get head(): Cursor {
    return this.#head;
  }

  async newest(): Promise<Cursor> {
    await this.#travel();
    return this.#journal.head;
  }

  get oldest(): Cursor {
    return this.#journal.oldest;
  }

  /** Like an engine that has read no further than its head. */
  async read(after: Cursor, limit: number, bytes?: number): Promise<Page | JournalGap> {
    await this.#travel();
    if (after.sequence > this.#head.sequence) {
      return { kind: 'gap', lostAfter: after, resumesAt: this.#head, reason: 'CURSOR_AHEAD' };
    }
    const page = await this.#journal.read(after, limit, bytes);
    if (page.kind === 'gap') return page;
    const entries = page.entries.filter(({ sequence }) => sequence <= this.#head.sequence);
    const last = entries.at(-1);
    const upTo = last
      ? { epoch: this.#head.epoch, sequence: last.sequence, tag: last.tag }
      : this.#head;
    return { ...page, entries, upTo };
  }

  rows(prefix: string): AsyncIterable<TableRow> {
    return this.#journal.rows(prefix);
  }

  async producer(instance: Uint8Array): Promise<number | undefined> {
    await this.#travel().catch((cause: unknown) => {
      throw new KelpieError('ENGINE_UNAVAILABLE', 'the store is away', {}, { cause });
    });
    return this.#journal.producer(instance);
  }

  producers(): AsyncIterable<StoredProducer> {
    return this.#journal.producers();
  }

  async since(ageMs: number): Promise<Cursor> {
    await this.#travel();
    const { sequence, ...since } = await this.#journal.since(ageMs);
    return sequence > this.#head.sequence ? this.#head : { sequence, ...since };
  }

  usage(): Usage {
    return this.#journal.usage();
  }

  onAppend(listener: (entries: readonly Entry[]) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.die();
  }
}

/** The last sequence that a transaction stored; 0: none. */
function endOf(outcome: Outcome, transaction: Transaction | undefined): number {
  if (outcome.kind !== 'stored') return 0;
  return outcome.first + (transaction?.entries.length ?? 0) - 1;
}
