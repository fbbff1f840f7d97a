/**
 * One network: its journal, the tail that readers share, and the tables that are folded from the
 * entries. The one order of effects holds here: durable, folded into the tables, answered, rung.
 */
import type { Row } from '../../gen/ts/kelpie/v1/stream.js';
import type { Clock } from '../core/clock.js';
import { KelpieError } from '../core/errors.js';
import { Listeners } from '../core/listeners.js';
import { SharedTurn } from '../core/fair-turn.js';
import { isWild } from '../topics/topic.js';
import type { TopicFilter } from '../topics/filter.js';
import type { Entry, Journal, Outcome, Transaction, Unsubscribe } from '../journal/journal.js';
import { Tail, type TailLimits } from '../delivery/tail.js';
import { Backlog, weightOf } from './backlog.js';
import { NodeRows } from '../nodes/rows.js';
import { PlayerAdmission } from '../players/admission.js';
import { PlayerRows } from '../players/rows.js';
import type { Limits, Times } from './limits.js';
import type { Table, Write } from './table.js';

/** What a network is made of. */
export interface NetworkOptions {
  readonly name: string;
  /** The id of this coordinator, new for each start. */
  readonly coordinatorId: string;
  /** The version of the software. */
  readonly version: string;
  readonly journal: Journal;
  readonly clock: Clock;
  /** The time in which this coordinator listened, by which peers are judged. Default: all of it. */
  readonly listening?: Clock;
  readonly limits: Limits;
  readonly times: Times;
  readonly tail: TailLimits;
  /** Hears of faults in work that nobody waits for. */
  readonly onFault: (error: unknown) => void;
  /** Hears how long the journal took for a transaction. */
  readonly onCommit?: ((durationMs: number) => void) | undefined;
}

export class Network {
  readonly options: NetworkOptions;
  readonly nodeRows = new NodeRows();
  readonly playerRows = new PlayerRows();
  /** How many players still fit. */
  readonly playerAdmission: PlayerAdmission;
  readonly tail: Tail;
  /** The turn that long lists and searches share. */
  readonly searches: SharedTurn;
  /** What waits for the journal. */
  readonly backlog: Backlog;
  /** The turn that proxies' lists and digests share. */
  readonly syncTurn: SharedTurn;
  readonly #folds: Listeners<[Write]>;
  readonly #bells: Listeners<[readonly Entry[]]>;
  readonly #commits: Listeners<[number]>;

  private constructor(options: NetworkOptions) {
    this.options = options;
    this.#folds = new Listeners(options.onFault);
    this.#folds.add((write) => this.#fold(write));
    this.#bells = new Listeners(options.onFault);
    this.#commits = new Listeners(options.onFault);
    if (options.onCommit) this.#commits.add(options.onCommit);
    this.searches = new SharedTurn(options.clock);
    this.backlog = new Backlog(options.limits, options.clock);
    this.syncTurn = new SharedTurn(options.clock);
    this.playerAdmission = new PlayerAdmission(this.playerRows, options.limits);
    this.tail = new Tail(options.journal.head, options.tail);
    options.journal.onAppend((entries) => this.#take(entries));
  }

  /** Loads the tables and follows the journal from there. */
  static async open(options: NetworkOptions): Promise<Network> {
    const network = new Network(options);
    for await (const row of options.journal.rows('')) network.#fold(row);
    return network;
  }

  #fold(write: Write): void {
    this.nodeRows.fold(write);
    this.playerRows.fold(write);
  }

  #take(entries: readonly Entry[]): void {
    for (const { key, value, sequence } of entries) {
      if (key !== undefined) this.#folds.tell({ key, value: value ?? null, sequence });
    }
    this.tail.push(entries);
    this.#bells.tell(entries);
  }

  /** Calls the bell with entries once tables and tail have them, before their append resolves. */
  onEntries(bell: (entries: readonly Entry[]) => void): Unsubscribe {
    return this.#bells.add(bell);
  }

  /**
   * Stores one transaction. Throws OUTCOME_UNKNOWN if the journal cannot tell what became of it, and
   * JOURNAL_READ_ONLY if it takes none any more.
   */
  async commit(transaction: Transaction): Promise<Outcome> {
    const { clock, journal } = this.options;
    if (journal.readOnly) throw readOnlyError();
    const startMs = clock.now();
    const weight = weightOf(transaction);
    this.backlog.enter(weight);
    try {
      const [outcome] = await journal.append([transaction]);
      this.#commits.tell(clock.now() - startMs);
      if (outcome) return outcome;
      throw new Error('the journal gave no outcome');
    } catch (cause) {
      throw new KelpieError(
        'OUTCOME_UNKNOWN',
        'the journal did not say whether the write is stored; try again',
        {},
        { cause, retryAfterMs: 1000 },
      );
    } finally {
      this.backlog.leave(weight);
    }
  }

  /** The clock by which peers are judged: what they say while it stands still is not heard. */
  get listening(): Clock {
    return this.options.listening ?? this.options.clock;
  }

  /** Whether nothing can be written any more, until the coordinator is started again. */
  get readOnly(): boolean {
    return this.options.journal.readOnly;
  }

  /** The resources that a filter shows, as they are when the iteration comes to them. */
  *resources(filter: TopicFilter): Generator<Row> {
    const { nodes } = this.nodeRows;
    for (const name of shown(filter, 'nodes', nodes)) {
      const row = nodes.get(name);
      if (!row || !filter.matches(this.nodeRows.topicOf(name))) continue;
      yield { sequence: row.sequence, resource: { $case: 'node', value: row.value } };
    }
    for (const id of shown(filter, 'players', this.playerRows)) {
      const row = this.playerRows.onlineOf(id);
      if (!row || !filter.matches(this.playerRows.topicOf(id))) continue;
      yield { sequence: row.sequence, resource: { $case: 'player', value: row.value.player } };
    }
  }
}

/**
 * The names of rows that a filter may show: those that its patterns name, or all if one has a wildcard.
 * A wildcard as first token matches no resources, so each pattern names the kind that it is about.
 */
function shown(
  filter: TopicFilter,
  kind: string,
  rows: Pick<Table<unknown>, 'names'>,
): Iterable<string> {
  const patterns = filter.resourcePatterns().filter((one) => one.startsWith(`${kind}.`));
  if (patterns.some(isWild)) return rows.names.after('');
  return patterns.map((one) => one.slice(kind.length + 1));
}

function readOnlyError(): KelpieError {
  const message =
    'the coordinator stores nothing, as its disk is full or failed; its log says more; nothing was ' +
    'stored; try again when it was started again';
  return new KelpieError('JOURNAL_READ_ONLY', message, {}, { retryAfterMs: 5000 });
}
