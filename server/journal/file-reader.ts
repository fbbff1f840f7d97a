/** Reads the log and the table as far as they were told. */
import { type Cursor, sameBytes } from '../core/cursor.js';
import { Damage, decodeEntry, decodeRow, type StoredEntry } from './file-record.js';
import type { State } from './file-state.js';
import { chunks, type Store } from './file-store.js';
import type { Entry, GapReasonName, JournalGap, Page, TableRow } from './journal.js';

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
      const from = after.sequence + entries.length + 1;
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
    return { kind: 'page', entries, upTo };
  }

  async *rows(prefix: string): AsyncIterable<TableRow> {
    for (const chunk of chunks(this.#store, 'table', prefix)) {
      for (const { key, value } of chunk) yield decodeRow(key, value);
    }
  }

  /** The position before the first entry of which, or of one before it, the time is `atMs` or later. */
  async before(atMs: number): Promise<Cursor> {
    const { epoch, newest, floor } = this.#told();
    let low = floor.sequence;
    let high = newest.sequence;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.#entry(middle + 1).latestMs < atMs) low = middle + 1;
      else high = middle;
    }
    return { epoch, sequence: low, tag: this.#tagAt(low) };
  }

  /** At most `limit` entries from a sequence on. Throws if one is missing or damaged. */
  #entries(from: number, limit: number): StoredEntry[] {
    const newest = this.#told().newest.sequence;
    const wanted = Math.min(limit, newest + 1 - from);
    if (wanted <= 0) return [];
    const found = this.#store.range('log', from, newest + 1, wanted);
    const entries = found.map(({ key, value }, index) => {
      if (key !== from + index) throw new Damage(`entry ${from + index}`);
      return decodeEntry(key, value);
    });
    if (entries.length < wanted) throw new Damage(`entry ${from + entries.length}`);
    return entries;
  }

  #entry(sequence: number): StoredEntry {
    const record = this.#store.get('log', sequence);
    if (!record) throw new Damage(`entry ${sequence}`);
    return decodeEntry(sequence, record);
  }

  #tagAt(sequence: number): number {
    const { newest, floor } = this.#told();
    if (sequence === floor.sequence) return floor.tag;
    return sequence === newest.sequence ? newest.tag : this.#entry(sequence).entry.tag;
  }

  #gap(after: Cursor): [GapReasonName, Cursor] | undefined {
    const { epoch, newest, floor } = this.#told();
    const oldest = { epoch, ...floor };
    if (!sameBytes(after.epoch, epoch)) return ['EPOCH_CHANGED', oldest];
    if (after.sequence > newest.sequence) return ['CURSOR_AHEAD', this.#head()];
    if (after.sequence < floor.sequence) return ['TRIMMED', oldest];
    if (after.tag !== this.#tagAt(after.sequence)) return ['HISTORY_REWRITTEN', oldest];
    return undefined;
  }

  #head(): Cursor {
    const { epoch, newest } = this.#told();
    return { epoch, ...newest };
  }
}
