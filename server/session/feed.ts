/**
 * What one reader gets of the journal: a position and a filter, not a queue. Live and replay are
 * one path. A slow reader costs nothing but its position; when it has fallen out of the journal it
 * is told so by a Gap, and gets its resources again by a Snapshot.
 */
import type { Cursor } from '../core/cursor.js';
import { patternsUnder } from '../core/topic.js';
import { TopicFilter } from '../core/topic-filter.js';
import type { Network } from '../domain/network.js';
import type { ReadingStart } from '../domain/reading.js';
import type { Entry, JournalGap, Missing, Page } from '../journal/journal.js';
import {
  type Batch,
  BATCH_LIMITS,
  type BatchLimits,
  collect,
  type EncodedEntry,
  encodeEntry,
} from '../journal/batch.js';
import { GapReason } from '../../gen/ts/kelpie/v1/stream.js';
import { encodeBatchFrame, encodeFrame, type FramePart } from './frames.js';
import { Gate } from './gate.js';
import { snapshotParts } from './snapshot.js';
import { Window, type WindowSize } from './window.js';

/** Entries that are read from the engine at once. */
const PAGE_ENTRIES = 256;

/** Snapshots that a reader has asked for and not taken, above which it is not asked any more. */
const SNAPSHOTS = 8;

/** What a feed is made of. */
export interface FeedOptions {
  readonly network: Network;
  readonly filter: TopicFilter;
  readonly start: ReadingStart;
  readonly window: WindowSize;
  readonly batch?: BatchLimits;
  /** Called when there is something to pull again. */
  readonly wake: () => void;
}

export class Feed {
  readonly #network: Network;
  readonly #wake: () => void;
  readonly #window: Window;
  readonly #batchLimits: BatchLimits;
  #filter: TopicFilter;
  /** Everything that matches up to here was handed out. Stands still while the feed is caught up. */
  #position: Cursor;
  /** The journal itself has said that the position belongs to its history. */
  #verified: boolean;
  /** The last position that the reader was told: what it holds a batch's `after` against. */
  #told: number;
  /** Something after the position may match. False: caught up, wherever the head has gone since. */
  #behind: boolean;
  /** What of some topics alone the reader is to be told is lost, and what was read when it was found. */
  #holes: Missing[] = [];
  #held: Batch | undefined;
  /** Up to where the reader was told that a prefix is lost. */
  readonly #lost = new Map<string, number>();
  #snapshots: Generator<FramePart>[] = [];
  readonly #room = new Gate();
  #rings = 0;
  #rungFor = 0;

  constructor({ network, filter, start, window, batch, wake }: FeedOptions) {
    this.#network = network;
    this.#filter = filter;
    this.#wake = wake;
    this.#window = new Window(window);
    this.#batchLimits = batch ?? BATCH_LIMITS;
    this.#position = start.position;
    this.#told = start.position.sequence;
    this.#verified = !start.claimed;
    this.#behind = start.claimed || start.position.sequence < network.tail.head.sequence;
    if (start.snapshot) this.#queueSnapshot(filter);
  }

  get filter(): TopicFilter {
    return this.#filter;
  }

  /** Everything that matches up to here was handed out. */
  get position(): Cursor {
    return this.#behind ? this.#position : this.#network.tail.head;
  }

  /** The bell: the entry at this sequence matches, and the tail has it. */
  ring(sequence: number): void {
    // Several of its patterns may match the same entry.
    if (sequence === this.#rungFor) return;
    this.#rungFor = sequence;
    if (!this.#behind) this.#position = this.#network.tail.cursorAt(sequence - 1) ?? this.#position;
    this.#behind = true;
    this.#rings += 1;
    this.#wake();
  }

  /** How often the bell rang for it. */
  get rings(): number {
    return this.#rings;
  }

  /** Bytes of events that were handed out and are not acknowledged. */
  get unacknowledgedBytes(): number {
    return this.#window.bytes;
  }

  /**
   * The next frame, or undefined if there is none until the next wake. Undefined too while the
   * window is full. A promise only where the engine must be asked.
   */
  next(): FramePart | undefined | Promise<FramePart | undefined> {
    return this.#nextHole() ?? this.#snapshotPart() ?? this.#events();
  }

  #snapshotPart(): FramePart | undefined {
    for (let parts = this.#snapshots[0]; parts; parts = this.#snapshots[0]) {
      const part = parts.next();
      if (!part.done) return part.value;
      this.#snapshots.shift();
      this.#room.open();
    }
    return undefined;
  }

  /** Resolves when fewer snapshots wait to be taken; undefined if they are few. */
  room(): Promise<void> | undefined {
    return this.#snapshots.length >= SNAPSHOTS ? this.#room.wait() : undefined;
  }

  /** Nobody takes anything any more. */
  close(): void {
    this.#snapshots = [];
    this.#held = undefined;
    this.#room.open();
  }

  #events(): FramePart | undefined | Promise<FramePart | undefined> {
    if (!this.#behind || !this.#window.open) return undefined;
    const { tail } = this.#network;
    const from = this.#position.sequence;
    if (this.#held) return this.#deliver(this.#held) ?? this.#events();
    if (!this.#verified || !tail.covers(from)) return this.#page();
    // A piece without a match ends further on, so this ends at the head.
    return this.#deliver(tail.batch(from, this.#filter, this.#batchLimits)) ?? this.#events();
  }

  async #page(): Promise<FramePart | undefined> {
    const page = await this.#network.page(this.#position, PAGE_ENTRIES);
    this.#verified = true;
    if (page.kind === 'gap') return this.#lose(page);
    // What the journal removed early the tail may have still.
    if (this.#network.tail.covers(this.#position.sequence)) return this.#events();
    const entries = encoded(page.entries, this.#filter);
    const batch = collect(entries, page.upTo, this.#filter, this.#batchLimits);
    this.#findHoles(page, batch.upTo);
    const hole = this.#nextHole();
    if (!hole) return this.#deliver(batch) ?? this.#events();
    // Not read again after the gap was told: by then more may be gone, and so on without an end.
    this.#held = batch;
    return hole;
  }

  /** Of what a page misses, that which the reader wants, and was not told. */
  #findHoles({ missing }: Page, upTo: Cursor): void {
    this.#holes = missing.filter((hole) => {
      const told = this.#lost.get(hole.prefix) ?? 0;
      const news = told < Math.min(upTo.sequence, hole.upTo.sequence);
      return news && this.#filter.reaches(hole.prefix);
    });
    // A reader that does not know gaps of topics skips all that is in them.
    if (this.#holes.length > 0 && this.#filter.hasResources) this.#queueSnapshot(this.#filter);
  }

  #nextHole(): FramePart | undefined {
    const hole = this.#holes.shift();
    if (!hole) return undefined;
    this.#lost.set(hole.prefix, hole.upTo.sequence);
    const range = { lostAfter: this.#position, resumesAt: hole.upTo };
    const topics = [...patternsUnder(hole.prefix)];
    const value = { ...range, reason: GapReason.TRIMMED, topics };
    return encodeFrame({ $case: 'gap', value });
  }

  #deliver(batch: Batch): FramePart | undefined {
    this.#held = undefined;
    this.#moveTo(batch.upTo);
    if (batch.chunks.length === 0) return undefined;
    const frame = encodeBatchFrame(this.#told, batch);
    this.#told = batch.upTo.sequence;
    this.#window.sent(batch.upTo.sequence, batch.chunks.length, batch.bytes);
    return frame;
  }

  #moveTo(position: Cursor): void {
    this.#position = position;
    this.#behind = position.sequence < this.#network.tail.head.sequence;
  }

  #lose({ lostAfter, resumesAt, reason }: JournalGap): FramePart {
    this.#moveTo(resumesAt);
    this.#told = resumesAt.sequence;
    if (this.#filter.hasResources) this.#queueSnapshot(this.#filter);
    return encodeFrame({
      $case: 'gap',
      value: { lostAfter, resumesAt, reason: GapReason[reason], topics: [] },
    });
  }

  /** Changes the filter from the scan position on, which it answers with. */
  update(filter: TopicFilter, snapshotOf: TopicFilter | undefined): Cursor {
    if (!this.#behind) this.#position = this.#network.tail.head;
    this.#filter = filter;
    // What was read for the former topics is read again.
    this.#held = undefined;
    this.#holes = [];
    if (snapshotOf) this.#queueSnapshot(snapshotOf);
    this.#wake();
    return this.#position;
  }

  #queueSnapshot(filter: TopicFilter): void {
    const resources = new TopicFilter(filter.resourcePatterns());
    this.#snapshots.push(snapshotParts(this.#network, resources, this.#position));
  }

  /** Takes an acknowledgement. Throws ACK_INVALID. */
  acknowledge(sequence: number): void {
    this.#window.acknowledge(sequence);
    this.#wake();
  }

  /** The head, if the reader has been told everything up to it; renews a quiet reader's cursor. */
  renewed(): Cursor | undefined {
    if (this.#behind || this.#snapshots.length > 0) return undefined;
    this.#position = this.#network.tail.head;
    this.#told = this.#position.sequence;
    return this.#position;
  }
}

/** Encodes what a reader takes, one by one as far as its batch gets. */
function* encoded(entries: readonly Entry[], filter: TopicFilter): Generator<EncodedEntry> {
  for (const entry of entries) if (filter.takes(entry)) yield encodeEntry(entry);
}
