/** Reads the log and the table as far as they were told. */
import { type Cursor, sameBytes } from '../core/cursor.js';
import { Damage, decodeEntry, decodeRow, type StoredEntry } from './file-record.js';
import { lastHole } from './file-own.js';
import type { State } from './file-state.js';
import { chunks, type Store } from './file-store.js';
import type { Entry, GapReasonName, JournalGap, Missing, Page, TableRow } from './journal.js';
import { afterOld } from './topic-budget.js';

/** How many entries are read at once. */
const CHUNK = 256;
/** A page ends early when it is this large, whatever its limit; one entry always fits. */
const PAGE_BYTES = 4 * 2 ** 20;

export class FileReader {
  readonly #store: Store;
  /** What was told, and so may be shown. */
  readonly #told: () => State;

  constructor(store: Store, told: () => State) {
    this.#store = store;
    this.#told = told;
  }

  async read(after: Cursor, limit: number): Promise<Page | JournalGap> {
    const gap = this.#gap(after);
    if (gap) return { kind: 'gap', lostAfter: after, resumesAt: gap[1], reason: gap[0] };
    const entries: Entry[] = [];
    let bytes = 0;
    while (entries.length < limit && bytes < PAGE_BYTES) {
      const from = (entries.at(-1)?.sequence ?? after.sequence) + 1;
      const some = this.#entries(from, Math.min(CHUNK, limit - entries.length));
      for (const { entry, bytes: size } of some) {
        entries.push(entry);
        bytes += size;
      }
      if (some.length === 0) break;
    }
    const last = entries.at(-1);
    const { epoch } = this.#told();
    const upTo = last ? { epoch, sequence: last.sequence, tag: last.tag } : this.#head();
    return { kind: 'page', entries, upTo, missing: this.#missing(after.sequence) };
  }

  #missing(after: number): Missing[] {
    const { epoch, own } = this.#told();
    return own.flatMap(({ prefix, removed }) =>
      removed && removed.sequence > after
        ? [{ prefix, upTo: { epoch, sequence: removed.sequence, tag: removed.tag } }]
        : [],
    );
  }

  async *rows(prefix: string): AsyncIterable<TableRow> {
    for (const chunk of chunks(this.#store, 'table', prefix)) {
      for (const { key, value } of chunk) yield decodeRow(key, value);
    }
  }

  /** The position before the first entry of which, or of one before it, the time is `atMs` or later. */
  async before(atMs: number): Promise<Cursor> {
    const { epoch, newest, floor, own } = this.#told();
    let low = floor.sequence;
    let high = newest.sequence;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const [next] = this.#entries(middle + 1, 1);
      if (next && next.latestMs < atMs) low = next.entry.sequence;
      else high = middle;
    }
    // An entry that is there, or the floor.
    const position = { sequence: low, tag: this.#tagAt(low) ?? floor.tag };
    const removed = own.map((one) => one.removed);
    return { epoch, ...afterOld(position, removed, atMs) };
  }

  /** At most `limit` entries from a sequence on. Throws if one is missing or damaged. */
  #entries(from: number, limit: number): StoredEntry[] {
    const { newest, ...state } = this.#told();
    const hole = lastHole(state);
    let next = from;
    // What was removed early is not there; anything else must be.
    const expect = (sequence: number): void => {
      if (sequence > next && sequence - 1 > hole)
        throw new Damage(`entry ${Math.max(next, hole + 1)}`);
      next = sequence + 1;
    };
    const found = this.#store.range('log', from, newest.sequence + 1, limit);
    const entries = found.map(({ key, value }) => {
      expect(key);
      return decodeEntry(key, value);
    });
    if (entries.length < limit) expect(newest.sequence + 1);
    return entries;
  }

  /** Undefined for an entry that was removed early. */
  #tagAt(sequence: number): number | undefined {
    const { newest, floor } = this.#told();
    if (sequence === floor.sequence) return floor.tag;
    if (sequence === newest.sequence) return newest.tag;
    const [entry] = this.#entries(sequence, 1);
    return entry?.entry.sequence === sequence ? entry.entry.tag : undefined;
  }

  #gap(after: Cursor): [GapReasonName, Cursor] | undefined {
    const { epoch, newest, floor } = this.#told();
    const oldest = { epoch, ...floor };
    if (!sameBytes(after.epoch, epoch)) return ['EPOCH_CHANGED', oldest];
    if (after.sequence > newest.sequence) return ['CURSOR_AHEAD', this.#head()];
    if (after.sequence < floor.sequence) return ['TRIMMED', oldest];
    const tag = this.#tagAt(after.sequence);
    return tag === undefined || tag === after.tag ? undefined : ['HISTORY_REWRITTEN', oldest];
  }

  #head(): Cursor {
    const { epoch, newest } = this.#told();
    return { epoch, ...newest };
  }
}
