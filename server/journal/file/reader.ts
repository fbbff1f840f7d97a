/** Reads the acknowledged part of the log and of the table. */
import { type Cursor, sameBytes } from '../../core/cursor.js';
import { Damage, decodeEntry, decodeRow, type StoredEntry } from './record.js';
import { lastHole } from './own.js';
import type { State } from './state.js';
import { chunks, type Store } from './store.js';
import type { Entry, GapReasonName, JournalGap, Missing, Page, TableRow } from '../journal.js';
import { afterOld } from '../prefix-retention.js';

/** The most bytes of a page, whatever the caller's limit; a page may exceed it with a single entry. */
const PAGE_BYTES = 4 * 2 ** 20;

export class FileReader {
  readonly #store: Store;
  /** The state after the last acknowledged commit: readers may see nothing newer. */
  readonly #acknowledged: () => State;

  constructor(store: Store, acknowledged: () => State) {
    this.#store = store;
    this.#acknowledged = acknowledged;
  }

  async read(after: Cursor, limit: number, bytes = PAGE_BYTES): Promise<Page | JournalGap> {
    const gap = this.#gap(after);
    if (gap) return { kind: 'gap', lostAfter: after, resumesAt: gap[1], reason: gap[0] };
    const entries = this.#page(after.sequence + 1, limit, Math.min(bytes, PAGE_BYTES));
    const last = entries.at(-1);
    const { epoch } = this.#acknowledged();
    const upTo = last ? { epoch, sequence: last.sequence, tag: last.tag } : this.#head();
    return { kind: 'page', entries, upTo, missing: this.#missing(after.sequence) };
  }

  #page(from: number, limit: number, bytes: number): Entry[] {
    const found = this.#entries(from, limit, bytes);
    const sum = found.reduce((total, one) => total + one.bytes, 0);
    // `range` stops with the entry that reaches the limit; if that entry exceeds the limit, it is not in the page.
    if (sum > bytes && found.length > 1) found.pop();
    return found.map(({ entry }) => entry);
  }

  #missing(after: number): Missing[] {
    const { epoch, own } = this.#acknowledged();
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

  /** The position before the first entry whose `latestMs` is `atMs` or later, see `afterOld`. */
  async before(atMs: number): Promise<Cursor> {
    const { epoch, newest, floor, own } = this.#acknowledged();
    let low = floor.sequence;
    let high = newest.sequence;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const [next] = this.#entries(middle + 1, 1);
      if (next && next.latestMs < atMs) low = next.entry.sequence;
      else high = middle;
    }
    // `low` is an entry that exists, or the floor.
    const position = { sequence: low, tag: this.#tagAt(low) ?? floor.tag };
    const removed = own.map((one) => one.removed);
    return { epoch, ...afterOld(position, removed, atMs) };
  }

  /** The entries from a sequence on, with the limits of `range`. Throws Damage if one is missing or damaged. */
  #entries(from: number, limit: number, bytes = Infinity): StoredEntry[] {
    const { newest, ...state } = this.#acknowledged();
    const hole = lastHole(state);
    let next = from;
    // Up to `hole`, entries may be missing because they were removed early. After it, a missing entry is damage.
    const expect = (sequence: number): void => {
      if (sequence > next && sequence - 1 > hole)
        throw new Damage(`entry ${Math.max(next, hole + 1)}`);
      next = sequence + 1;
    };
    const found = this.#store.range('log', from, newest.sequence + 1, limit, bytes);
    let left = bytes;
    const entries = found.map(({ key, value }) => {
      expect(key);
      left -= value.length;
      return decodeEntry(key, value);
    });
    if (entries.length < limit && left > 0) expect(newest.sequence + 1);
    return entries;
  }

  /** Undefined for an entry that was removed early. */
  #tagAt(sequence: number): number | undefined {
    const { newest, floor } = this.#acknowledged();
    if (sequence === floor.sequence) return floor.tag;
    if (sequence === newest.sequence) return newest.tag;
    const [entry] = this.#entries(sequence, 1);
    return entry?.entry.sequence === sequence ? entry.entry.tag : undefined;
  }

  #gap(after: Cursor): [GapReasonName, Cursor] | undefined {
    const { epoch, newest, floor } = this.#acknowledged();
    const oldest = { epoch, ...floor };
    if (!sameBytes(after.epoch, epoch)) return ['EPOCH_CHANGED', oldest];
    if (after.sequence > newest.sequence) return ['CURSOR_AHEAD', this.#head()];
    if (after.sequence < floor.sequence) return ['TRIMMED', oldest];
    const tag = this.#tagAt(after.sequence);
    return tag === undefined || tag === after.tag ? undefined : ['HISTORY_REWRITTEN', oldest];
  }

  #head(): Cursor {
    const { epoch, newest } = this.#acknowledged();
    return { epoch, ...newest };
  }
}
