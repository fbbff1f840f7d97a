/** Reads the stream up to the head of a follower. Positions that retention removed are those as of the head. */
import { type Cursor, sameBytes } from '../../core/cursor.js';
import type { Entry, GapReasonName, JournalGap, Missing, Page } from '../journal.js';
import { afterOld } from '../prefix-retention.js';
import type { Follower } from './follower.js';
import { type Position, type Run, runOfStream, type StreamRun } from './run.js';

/** The part of a run's bytes that a page may take at most, if the reader names no limit. */
const PAGE_BYTES = 512 * 1024;

export interface ReaderParts {
  readonly epoch: Uint8Array;
  readonly follower: Follower;
  /** Runs from a sequence on: about so many entries and bytes, but at least one run if there is one. */
  readonly runs: (from: number, entries: number, bytes: number) => Promise<readonly StreamRun[]>;
  /** Resolves when the head is the newest position of the store. */
  readonly caughtUp: () => Promise<void>;
}

export class Reader {
  readonly #parts: ReaderParts;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  get #head(): Cursor {
    return { epoch: this.#parts.epoch, ...this.#parts.follower.head };
  }

  get oldest(): Cursor {
    return { epoch: this.#parts.epoch, ...this.#parts.follower.effects.floor };
  }

  async read(after: Cursor, limit: number, bytes = Infinity): Promise<Page | JournalGap> {
    const { epoch, follower } = this.#parts;
    // Another coordinator may have given it.
    if (sameBytes(after.epoch, epoch) && after.sequence > follower.head.sequence) {
      await this.#parts.caughtUp();
    }
    const gap = this.#gap(after);
    if (gap) return gap;
    const missing = this.#missing(after.sequence);
    if (after.sequence === follower.head.sequence)
      return { kind: 'page', entries: [], upTo: after, missing };
    return this.#page(after, limit, bytes, missing);
  }

  /** A gap that shows without the log. */
  #gap(after: Cursor): JournalGap | undefined {
    const { epoch, follower } = this.#parts;
    const { floor } = follower.effects;
    if (!sameBytes(after.epoch, epoch)) return this.#gapOf('EPOCH_CHANGED', after, this.oldest);
    if (after.sequence > follower.head.sequence) {
      return this.#gapOf('CURSOR_AHEAD', after, this.#head);
    }
    if (after.sequence < floor.sequence) return this.#gapOf('TRIMMED', after, this.oldest);
    const known = [floor, follower.head].find(({ sequence }) => sequence === after.sequence);
    return known && known.tag !== after.tag
      ? this.#gapOf('HISTORY_REWRITTEN', after, this.oldest)
      : undefined;
  }

  #gapOf(reason: GapReasonName, lostAfter: Cursor, resumesAt: Cursor): JournalGap {
    return { kind: 'gap', reason, lostAfter, resumesAt };
  }

  #missing(after: number): Missing[] {
    const missing: Missing[] = [];
    for (const [prefix, { removed }] of this.#parts.follower.effects.own) {
      if (!removed || removed.sequence <= after) continue;
      const { sequence, tag } = removed;
      missing.push({ prefix, upTo: { epoch: this.#parts.epoch, sequence, tag } });
    }
    return missing;
  }

  async #page(
    after: Cursor,
    limit: number,
    bytes: number,
    missing: readonly Missing[],
  ): Promise<Page | JournalGap> {
    const head = this.#head;
    const entries: Entry[] = [];
    let at = after.sequence;
    let left = bytes;
    // Entries that retention removed early take place in the runs.
    while (at < head.sequence && entries.length < limit && (left > 0 || entries.length === 0)) {
      const found = await this.#runs(at, limit - entries.length, left);
      const gap = this.#lost(after, found);
      if (gap) return gap;
      for (const entry of this.#visible(found, at, head.sequence)) {
        entries.push(entry);
        left -= entry.event.length + entry.topic.length;
      }
      at = found.at(-1)?.last ?? head.sequence;
    }
    const kept = fitting(entries, limit, bytes);
    const last = kept.at(-1);
    const upTo = last ? { epoch: head.epoch, sequence: last.sequence, tag: last.tag } : head;
    return { kind: 'page', entries: kept, upTo, missing };
  }

  /** A gap that the log shows. */
  #lost(after: Cursor, found: readonly Run[]): JournalGap | undefined {
    const { floor } = this.#parts.follower.effects;
    // A call may have removed what came directly after the position while the log was read.
    if (after.sequence < floor.sequence) return this.#gapOf('TRIMMED', after, this.oldest);
    const covers = ({ first, last }: Run): boolean =>
      first <= after.sequence && after.sequence <= last;
    const tag = after.sequence > floor.sequence ? found.find(covers)?.tag : floor.tag;
    return tag === undefined || tag === after.tag
      ? undefined
      : this.#gapOf('HISTORY_REWRITTEN', after, this.oldest);
  }

  /** The runs from the one that covers `after` on: its tag shows that the reader has this history. */
  async #runs(after: number, limit: number, bytes: number): Promise<Run[]> {
    const wanted = Math.min(bytes, PAGE_BYTES);
    const runs = await this.#parts.runs(after, limit + 1, wanted);
    const found = runs.map(runOfStream);
    // The covering run alone may fill the page, and has nothing after the position.
    if (runs.length > 0 && found.every(({ last }) => last <= after)) {
      const more = await this.#parts.runs(after + 1, limit, wanted);
      return [...found, ...more.map(runOfStream)];
    }
    return found;
  }

  /** The entries after a position, up to another one, without those that retention removed early. */
  *#visible(runs: readonly Run[], after: number, upTo: number): Generator<Entry> {
    const { own, floor } = this.#parts.follower.effects;
    for (const run of runs) {
      const gone = own.get(run.topic)?.removed?.sequence ?? 0;
      const from = Math.max(after, floor.sequence, gone);
      for (const entry of run.entries?.() ?? []) {
        if (entry.sequence > from && entry.sequence <= upTo) yield entry;
      }
    }
  }

  /** A position from which a reader gets everything since a time; `position` is the last entry before it. */
  afterOld(position: Position, atMs: number): Cursor {
    const removed = [...this.#parts.follower.effects.own.values()].map((own) => own.removed);
    return { epoch: this.#parts.epoch, ...afterOld(position, removed, atMs) };
  }
}

function fitting(entries: readonly Entry[], limit: number, bytes: number): readonly Entry[] {
  let left = bytes;
  let count = 0;
  for (const { event, topic } of entries) {
    left -= event.length + topic.length;
    if (count >= limit || (left < 0 && count > 0)) break;
    count += 1;
  }
  return entries.slice(0, count);
}
