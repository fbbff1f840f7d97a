/**
 * The journal of one coordinator on the store of a simulation, with the promises of the Redis engine: it gets entries of
 * others by messages that may be late or lost, finds holes, and ends when it finds another epoch.
 */
import type { Cursor } from '../../../server/core/cursor.js';
import { every } from '../../../server/core/clock.js';
import { Listeners } from '../../../server/core/listeners.js';
import { JournalEnded, JournalError } from '../../../server/journal/error.js';
import { epochEnded } from '../../../server/network/errors.js';
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
import type { Clock } from '../../../server/core/clock.js';
import type { JournalFaults } from '../../../server/journal/faults.js';
import type { Link } from './link.js';
import { EpochEnded, type Store } from './store.js';

/** How often it asks for the newest position, and so finds lost messages. */
const LOOK_MS = 500;

/** The parts of one journal object. */
export interface ViewParts {
  readonly store: Store;
  readonly link: Link;
  /** Of the coordinator: it ends with its process. */
  readonly clock: Clock;
  readonly faults: Pick<JournalFaults, 'onFault' | 'onEpochEnd'>;
}

export class JournalView implements Journal {
  readonly durability = 'NONE';
  readonly readOnly = false;
  readonly #parts: ViewParts;
  readonly #listeners: Listeners<[readonly Entry[]]>;
  readonly #stops: Unsubscribe[];
  #head: Cursor;
  #ended = false;
  #closed = false;

  /** Rejects if the engine is away. */
  static async open(parts: ViewParts): Promise<JournalView> {
    const { store, link } = parts;
    try {
      return new JournalView(parts, await link.call(() => store.head));
    } catch (error) {
      throw new JournalError('UNREACHABLE', 'the engine is away', error);
    }
  }

  private constructor(parts: ViewParts, head: Cursor) {
    const { store, link, clock, faults } = parts;
    this.#parts = parts;
    this.#head = head;
    this.#listeners = new Listeners(faults.onFault);
    const bell = (entries: readonly Entry[], epoch: Uint8Array): void => {
      link.deliver(() => this.#heard(entries, epoch));
    };
    store.listeners.add(bell);
    const look = (): void => void this.#catchUp().catch(() => undefined);
    this.#stops = [() => store.listeners.delete(bell), every(clock, LOOK_MS, look)];
  }

  /** A message about entries of this or of another coordinator. */
  #heard(entries: readonly Entry[], epoch: Uint8Array): void {
    const [first] = entries;
    if (this.#closed || !first || epoch !== this.#head.epoch) return;
    if (first.sequence <= this.#head.sequence + 1) this.#take(entries);
    else void this.#catchUp().catch(() => undefined);
  }

  async #catchUp(): Promise<void> {
    this.#take(await this.#ask(() => this.#parts.store.after(this.#head.sequence)));
  }

  /** Entries that follow the head, or that are there already. */
  #take(entries: readonly Entry[]): void {
    const fresh = entries.filter(({ sequence }) => sequence > this.#head.sequence);
    const last = fresh.at(-1);
    if (!last || this.#closed) return;
    this.#head = { epoch: this.#head.epoch, sequence: last.sequence, tag: last.tag };
    this.#listeners.tell(fresh);
  }

  /** Asks the engine about this epoch. */
  async #ask<Result>(question: () => Result): Promise<Result> {
    if (this.#ended) throw epochEnded();
    const { store, link } = this.#parts;
    const { epoch } = this.#head;
    try {
      return await link.call(() => {
        store.check(epoch);
        return question();
      });
    } catch (error) {
      if (!(error instanceof EpochEnded)) throw error;
      this.#end();
      throw epochEnded();
    }
  }

  #end(): void {
    if (this.#ended || this.#closed) return;
    this.#ended = true;
    this.#parts.faults.onEpochEnd('another epoch');
  }

  async append(transactions: readonly Transaction[]): Promise<Outcome[]> {
    if (this.#ended || this.#closed) throw new JournalEnded('the epoch has ended');
    const { store } = this.#parts;
    const { epoch } = this.#head;
    const { outcomes, entries } = await this.#ask(() => ({
      outcomes: store.append(epoch, transactions),
      entries: store.after(this.#head.sequence),
    })).catch((error: unknown) => {
      throw this.#ended ? new JournalEnded('the epoch has ended') : error;
    });
    this.#take(entries);
    return outcomes;
  }

  get head(): Cursor {
    return this.#head;
  }

  newest(): Promise<Cursor> {
    return this.#ask(() => this.#parts.store.head);
  }

  get oldest(): Cursor {
    const { floor } = this.#parts.store;
    return floor.sequence > this.#head.sequence ? this.#head : floor;
  }

  read(after: Cursor, limit: number, bytes = Infinity): Promise<Page | JournalGap> {
    const head = this.#head;
    return this.#ask(() => this.#parts.store.read(after, limit, bytes, head));
  }

  async *rows(prefix: string): AsyncIterable<TableRow> {
    for (const row of await this.#ask(() => [...this.#parts.store.rows.values()]))
      if (row.key.startsWith(prefix)) yield row;
  }

  producer(instance: Uint8Array): Promise<number | undefined> {
    return this.#ask(() => this.#parts.store.producer(instance));
  }

  producers(): AsyncIterable<StoredProducer> {
    throw new Error('only an export asks for all producers');
  }

  async since(): Promise<Cursor> {
    return this.oldest;
  }

  usage(): Usage {
    return { entries: 0, bytes: 0, topics: [], own: [] };
  }

  onAppend(listener: (entries: readonly Entry[]) => void): Unsubscribe {
    return this.#listeners.add(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
    for (const stop of this.#stops) stop();
  }
}
