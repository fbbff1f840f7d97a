/**
 * The journal in Redis, for several coordinators. Each has an object of its own; all of them store in one stream, and
 * each follows it, so that its listeners get the entries of all. A script decides and stores a call in one step.
 * Messages on a channel say that entries came; they may be lost, so a look at the stream each second finds what they
 * did not bring.
 *
 * The object belongs to one epoch. When Redis shows that history may have been lost, the object makes sure that a new
 * epoch began, and ends: its user opens another one.
 */
import type { Clock } from '../../core/clock.js';
import type { Cursor } from '../../core/cursor.js';
import { Listeners } from '../../core/listeners.js';
import { JournalEnded, JournalError, NotStored } from '../error.js';
import {
  type Entry,
  type Journal,
  type JournalGap,
  type Outcome,
  type Page,
  type Retention,
  type StoredProducer,
  type TableRow,
  type Transaction,
  TRANSACTION_ENTRIES,
  type Unsubscribe,
  type Usage,
} from '../journal.js';
import { largest } from '../topic-groups.js';
import { Encoder } from './call.js';
import { CatchUp, LEFT_BEHIND } from './catch-up.js';
import type { RedisConnection } from './connection.js';
import { checkDraft } from './entry-codec.js';
import { EpochEnded, errorFor } from './fault.js';
import { Follower } from './follower.js';
import { Reader } from './reader.js';
import { runsOfMessage, type Snapshot } from './run.js';
import { RedisStore } from './store.js';
import { APPEND_MS, Writer } from './writer.js';

export interface RedisJournalOptions {
  /** Several journals may share it. The journal does not close it. */
  readonly connection: RedisConnection;
  readonly network: string;
  /** Stands in the names of its keys; see `stageRedis`. */
  readonly beside?: string;
  readonly clock: Clock;
  readonly retention: Retention;
  /** How often the journal looks whether it missed a message, and whether the epoch has ended. Default: 1 s. */
  readonly checkMs?: number;
  /** Called once, after the epoch of the journal has ended, with the reason. The journal stores nothing any more. */
  readonly onEpochEnd?: ((reason: string) => void) | undefined;
  /** Gets the errors that listeners throw. By default the process emits a warning. */
  readonly onListenerFault?: ((error: unknown) => void) | undefined;
}

const CHECK_MS = 1000;

export class RedisJournal implements Journal {
  readonly durability = 'PROCESS_CRASH';
  readonly readOnly = false;
  readonly #options: RedisJournalOptions;
  readonly #store: RedisStore;
  readonly #epoch: Uint8Array;
  readonly #follower: Follower;
  readonly #writer: Writer;
  readonly #reader: Reader;
  readonly #listeners: Listeners<[readonly Entry[]]>;
  readonly #catchUp: CatchUp;
  readonly #unsubscribe: readonly Unsubscribe[];
  /** Why the epoch ended. */
  #ended: string | undefined;
  #rotating = false;
  #closed = false;
  #stopped = false;

  /** Opens the journal of a network, and creates it if it is not there. Throws a JournalError. */
  static async open(options: RedisJournalOptions): Promise<RedisJournal> {
    const { connection, network, clock } = options;
    const store = new RedisStore(connection, network, clock, options.beside);
    try {
      await connection.ready();
      return new RedisJournal(options, store, await store.open(undefined, 0));
    } catch (error) {
      if (error instanceof JournalError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new JournalError('UNREACHABLE', `Redis cannot be used: ${why}.`, error);
    }
  }

  private constructor(options: RedisJournalOptions, store: RedisStore, snapshot: Snapshot) {
    const { connection, clock, checkMs = CHECK_MS, onListenerFault } = options;
    this.#options = options;
    this.#store = store;
    this.#epoch = snapshot.epoch;
    this.#listeners = new Listeners(onListenerFault);
    this.#follower = new Follower(snapshot, {
      onEntries: (entries) => this.#listeners.tell(entries),
      onAdvance: () => this.#writer.advanced(),
      onHole: (upTo) => this.#catchUp.soon(upTo),
      onBroken: () => this.#end('a broken chain of tags'),
    });
    const [epoch, follower] = [snapshot.epoch, this.#follower];
    const onEnd = (reason: string): void => this.#end(reason);
    this.#catchUp = new CatchUp({
      ...{ store, epoch, follower, clock, checkMs, onEnd },
      onFound: (entries) => (connection.sums.found += entries),
    });
    this.#writer = this.#openWriter();
    this.#reader = new Reader({
      epoch,
      follower,
      runs: async (from, entries, bytes) => (await this.#catchUp.ask(from, entries, bytes)).runs,
      caughtUp: () => this.#catchUp.afresh(),
    });
    this.#unsubscribe = [
      connection.subscribe(store.bell, (message) => this.#onMessage(message)),
      connection.onUp(() => {
        this.#writer.retry();
        this.#catchUp.now().catch(() => undefined);
      }),
    ];
  }

  #onMessage(message: Buffer): void {
    if (this.#store.isOwn(message)) return;
    const runs = runsOfMessage(message);
    for (const run of runs ?? []) this.#follower.offer(run);
    if (!runs) this.#catchUp.soon(Infinity);
  }

  #openWriter(): Writer {
    const { connection, clock, retention } = this.#options;
    const store = this.#store;
    const follower = this.#follower;
    const encoder = new Encoder(retention, this.#follower.groups);
    const { limits } = encoder;
    const passed = (): number => this.#follower.head.sequence;
    return new Writer({
      clock,
      encoder,
      send: (call, oldest) => store.append(this.#epoch, call, { oldest, seen: passed(), limits }),
      away: () =>
        connection.downMs > APPEND_MS ? new NotStored(connection.fault.message) : undefined,
      isUp: () => connection.isUp,
      load: () => store.load(),
      passed,
      onRun: (run) => follower.offer(run),
      onBehind: (upTo) => this.#catchUp.soon(upTo),
      onEpochEnd: (reason) => this.#end(reason),
    });
  }

  get head(): Cursor {
    return { epoch: this.#epoch, ...this.#follower.head };
  }

  get lagEntries(): number {
    return this.#catchUp.lagEntries;
  }

  get oldest(): Cursor {
    return this.#reader.oldest;
  }

  async newest(): Promise<Cursor> {
    const { newest } = await this.#inEpoch(() => this.#catchUp.ask(0, 0, 0));
    if (newest.sequence > this.#follower.head.sequence) this.#catchUp.soon(newest.sequence);
    return { epoch: this.#epoch, ...newest };
  }

  async append(transactions: readonly Transaction[]): Promise<Outcome[]> {
    for (const { entries } of transactions) {
      if (entries.length > TRANSACTION_ENTRIES) {
        throw new RangeError(`a transaction may have at most ${TRANSACTION_ENTRIES} entries`);
      }
      for (const draft of entries) checkDraft(draft);
    }
    if (this.#closed) throw new JournalError('CLOSED', 'The journal is closed.');
    return transactions.length === 0 ? [] : this.#writer.append(transactions);
  }

  async read(after: Cursor, limit: number, bytes?: number): Promise<Page | JournalGap> {
    return this.#inEpoch(() => this.#reader.read(after, limit, bytes));
  }

  rows(prefix: string): AsyncIterable<TableRow> {
    return this.#allInEpoch(this.#store.rows(prefix));
  }

  async producer(instance: Uint8Array): Promise<number | undefined> {
    return this.#inEpoch(() => this.#store.producer(instance));
  }

  producers(): AsyncIterable<StoredProducer> {
    return this.#allInEpoch(this.#store.producers());
  }

  async since(ageMs: number): Promise<Cursor> {
    const { effects, head } = this.#follower;
    const atMs = Math.floor(this.#options.clock.wall() - ageMs);
    const at = await this.#inEpoch(() =>
      this.#store.since(this.#epoch, effects.floor, head.sequence, atMs),
    );
    return this.#reader.afterOld(at, atMs);
  }

  usage(): Usage {
    const { entries, bytes, own } = this.#follower.effects;
    const used = (this.#options.retention.topics ?? []).map((limits) => {
      const { entries: count = 0, bytes: size = 0 } = own.get(limits.prefix) ?? {};
      return { limits, entries: count, bytes: size };
    });
    return { entries, bytes, topics: largest(this.#follower.groups.all), own: used };
  }

  onAppend(listener: (entries: readonly Entry[]) => void): Unsubscribe {
    return this.#listeners.add(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#writer.idle();
    this.#stop();
  }

  #stop(): void {
    this.#stopped = true;
    this.#catchUp.stop();
    for (const end of this.#unsubscribe) end();
    this.#listeners.clear();
  }

  async *#allInEpoch<T>(all: AsyncIterable<T>): AsyncIterable<T> {
    try {
      yield* all;
    } catch (error) {
      throw errorFor(error);
    }
    // They may be those of another epoch.
    await this.newest();
  }

  /** Rejects with an error for users: EPOCH_ENDED or ENGINE_UNAVAILABLE. */
  async #inEpoch<T>(ask: () => Promise<T>): Promise<T> {
    try {
      if (this.#ended !== undefined) throw new EpochEnded(this.#ended);
      return await ask();
    } catch (error) {
      throw errorFor(error);
    }
  }

  /** The end of the epoch shows first here or in the answer to a call. The object stores nothing from now on. */
  #end(reason: string): void {
    this.#ended ??= reason;
    this.#writer.end(new JournalEnded(`the epoch of the journal has ended: ${reason}`));
    void this.#rotate();
  }

  /** Makes sure that Redis has another epoch, then says so. One of several coordinators begins it. */
  async #rotate(): Promise<void> {
    if (this.#rotating || this.#stopped) return;
    this.#rotating = true;
    try {
      const ended = this.#ended === LEFT_BEHIND ? undefined : this.#epoch;
      await this.#store.open(ended, this.#follower.head.sequence);
    } catch {
      // Redis is away. The next look tries again.
      return;
    } finally {
      this.#rotating = false;
    }
    this.#stop();
    this.#options.onEpochEnd?.(this.#ended ?? '');
  }
}
