/** Reads everything in a data directory and lists the records that differ from the written ones. */
import { othersTurn } from '../../core/fair-turn.js';
import { withData } from './data.js';
import { lastHole } from './own.js';
import { storedProducer } from './producers.js';
import { Damage, decodeEntry, decodeRow } from './record.js';
import { readGroups, readState, type State } from './state.js';
import { TopicGroups, type Used } from '../topic-groups.js';
import { chunks, type Store } from './store.js';
import { TopicBudget } from '../prefix-retention.js';

/** How many entries the check reads at once. It reports progress after each such page. */
const PAGE = 1000;
/** The limit of findings that the check lists. It goes on to count the faults. */
const FINDINGS = 100;

export interface DataCheck {
  readonly entries: number;
  readonly rows: number;
  /** A sentence for each fault, at most 100. */
  readonly findings: readonly string[];
  /** The number of all faults. */
  readonly faults: number;
}

/**
 * Throws a JournalError if the directory cannot be checked at all, for example because the file is damaged outside
 * its records. A damaged record is a finding.
 */
export async function checkData(
  folder: string,
  onProgress: (done: number, of: number) => void = () => undefined,
): Promise<DataCheck> {
  const look = async (store: Store): Promise<DataCheck> => {
    const check = new Check(store);
    await check.run(onProgress);
    const { entries, rows, findings, faults } = check;
    return { entries, rows, findings, faults };
  };
  return withData(folder, look, true);
}

class Check implements DataCheck {
  entries = 0;
  rows = 0;
  faults = 0;
  readonly findings: string[] = [];
  readonly #store: Store;
  /** The stored counts of the groups; `#used` counts the log itself. */
  #groups: TopicGroups | undefined;
  readonly #used = new Map<string, Used>();
  /** The last entry that wrote each row, according to the log; 0 if that entry deleted the row. */
  readonly #written = new Map<string, number>();
  #own: TopicBudget[] = [];
  #bytes = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  async run(onProgress: (done: number, of: number) => void): Promise<void> {
    const state = this.#try(() => readState(this.#store));
    if (!state) {
      if (this.faults === 0) this.#find('the record of the ends of the log is missing');
      return;
    }
    this.#own = state.own
      .filter(({ counted }) => counted)
      .map(({ prefix }) => new TopicBudget({ prefix }));
    this.#groups = this.#try(() => TopicGroups.stored(readGroups(this.#store)));
    await this.#log(state, onProgress);
    this.#table(state);
    this.#counts(state);
    this.#producers();
  }

  async #log(state: State, onProgress: (done: number, of: number) => void) {
    const { floor, newest } = state;
    const of = newest.sequence - floor.sequence;
    const hole = lastHole(state);
    for (let from = floor.sequence + 1; from <= newest.sequence;) {
      const found =
        this.#try(() => this.#store.range('log', from, newest.sequence + 1, PAGE)) ?? [];
      const last = found.length === PAGE ? found.at(-1)?.key : undefined;
      for (const { key, value } of found) {
        this.#missing(Math.max(from, hole + 1), key);
        this.#try(() => this.#entry(key, value));
        from = key + 1;
      }
      if (last === undefined) {
        this.#missing(Math.max(from, hole + 1), newest.sequence + 1);
        from = newest.sequence + 1;
      }
      onProgress(from - 1 - floor.sequence, of);
      // Lets the program print the progress and receive signals.
      await othersTurn();
    }
    const beyond = this.#try(() => this.#store.range('log', newest.sequence + 1, undefined, 1));
    if (beyond?.[0]) this.#find(`entry ${beyond[0].key} lies after the end of the log`);
    this.#tag(newest.sequence, newest.tag);
  }

  /**
   * Reports the entries from `from` to before `end` as missing. Below the last hole, entries may be missing rightly;
   * there, `#counts` finds a loss.
   */
  #missing(from: number, end: number): void {
    for (let sequence = from; sequence < end; sequence++)
      this.#find(`entry ${sequence} is missing`);
  }

  #entry(sequence: number, record: Buffer): void {
    const { entry, bytes } = decodeEntry(sequence, record);
    this.entries += 1;
    this.#bytes += bytes;
    const group = this.#groups?.nameOf(entry.topic) ?? entry.topic;
    const used = this.#used.get(group) ?? { entries: 0, bytes: 0 };
    this.#used.set(group, { entries: used.entries + 1, bytes: used.bytes + bytes });
    this.#own.find((own) => own.takes(entry.topic))?.count(1, bytes);
    if (entry.key !== undefined) this.#written.set(entry.key, entry.value ? sequence : 0);
  }

  #tag(sequence: number, tag: number): void {
    const record = this.#try(() => this.#store.get('log', sequence));
    if (record && record.readUInt32LE(4) !== tag) {
      this.#find('the newest entry differs from the record of the ends of the log');
    }
  }

  #table(state: State): void {
    this.#try(() => {
      for (const chunk of chunks(this.#store, 'table', '')) {
        for (const { key, value } of chunk) this.#try(() => this.#row(state, key, value));
      }
    });
    for (const [key, sequence] of this.#written) {
      if (sequence > 0) this.#find(`row ${key}, which entry ${sequence} wrote, is missing`);
    }
  }

  #row(state: State, key: Uint8Array, record: Buffer): void {
    this.rows += 1;
    const row = decodeRow(key, record);
    const written = this.#written.get(row.key);
    this.#written.delete(row.key);
    // Up to here the log may have lost the entry that wrote the row.
    const incomplete = Math.max(state.floor.sequence, lastHole(state));
    const expected = written ?? (row.sequence > incomplete ? undefined : row.sequence);
    if (expected !== row.sequence || row.sequence > state.newest.sequence) {
      this.#find(`row ${row.key} names entry ${row.sequence} as its writer; the log differs`);
    }
  }

  #counts(state: State): void {
    // If entries are damaged, the counts must differ.
    if (this.faults > 0) return;
    const right = state.entries === this.entries && state.bytes === this.#bytes;
    if (!right) this.#find('the stored count of entries and bytes differs from the log');
    for (const group of new Set([...(this.#groups?.all.keys() ?? []), ...this.#used.keys()])) {
      const same = shown(this.#groups?.all.get(group)) === shown(this.#used.get(group));
      if (!same) this.#find(`the stored count of ${group} differs from the log`);
    }
    this.#ownCounts(state);
  }

  #ownCounts(state: State): void {
    for (const own of this.#own) {
      const stored = state.own.find(({ prefix }) => prefix === own.prefix);
      const same = shown(stored) === shown(own);
      if (!same) this.#find(`the stored count of ${own.prefix} differs from the log`);
    }
  }

  #producers(): void {
    this.#try(() => {
      for (const chunk of chunks(this.#store, 'producers', '')) {
        for (const { key, value } of chunk) this.#try(() => storedProducer(key, value, 0));
      }
    });
  }

  #find(fault: string): void {
    this.faults += 1;
    if (this.findings.length < FINDINGS) this.findings.push(fault);
  }

  #try<T>(look: () => T): T | undefined {
    try {
      return look();
    } catch (error) {
      if (!(error instanceof Damage)) throw error;
      this.#find(`${error.part} is damaged`);
      return undefined;
    }
  }
}

function shown(used: Used | undefined): string {
  return `${used?.entries ?? 0}/${used?.bytes ?? 0}`;
}
