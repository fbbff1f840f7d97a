/**
 * What one reader gets of the journal: a position and a filter, not a queue. Live and replay are
 * one path. A slow reader costs nothing but its position; when it has fallen out of the journal it
 * is told so by a Gap, and gets its resources again by a Snapshot.
 *
 * Nobody waits for a feed: what may be much work (a page, a part of a Snapshot, a search for what is
 * rare) it does piece by piece in the turn that it shares with all others, and wakes its reader after it.
 */
import type { Cursor } from '../core/cursor.js';
import { patternsUnder } from '../topics/topic.js';
import { TopicFilter } from '../topics/filter.js';
import type { Network } from '../network/network.js';
import type { Tail } from './tail.js';
import type { ReadingStart } from './start.js';
import { Holes } from './holes.js';
import type { Pages } from './pages.js';
import { ReaderWork } from './reader-work.js';
import type { Entry, JournalGap, Page } from '../journal/journal.js';
import {
  type Batch,
  BATCH_LIMITS,
  type BatchLimits,
  collect,
  type EncodedEntry,
  encodeEntry,
} from './batch.js';
import { GapReason } from '../../gen/ts/kelpie/v1/stream.js';
import { encodeBatchFrame, encodeFrame, type FramePart } from './frames.js';
import { snapshotParts, Snapshots } from './snapshot.js';
import type { SubscriptionIndex } from './subscription-index.js';
import { Window, type WindowSize } from './window.js';

/** Entries of a page where the one before had nothing for the reader. */
const PAGE_ENTRIES = 256;

/** What a feed is made of. */
export interface FeedOptions {
  readonly network: Pick<Network, 'resources'>;
  readonly tail: Tail;
  readonly pages: Pages;
  readonly subscriptions: SubscriptionIndex;
  readonly filter: TopicFilter;
  readonly start: ReadingStart;
  readonly window: WindowSize;
  readonly batch?: BatchLimits;
  /** Called when there is something to pull again. */
  readonly wake: () => void;
}

/** What was found and is not handed out yet. */
type Found = JournalGap | Batch;

export class Feed {
  readonly #network: Pick<Network, 'resources'>;
  readonly #tail: Tail;
  readonly #pages: Pages;
  readonly #subscriptions: SubscriptionIndex;
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
  /** What was looked at last had nothing for the reader. */
  #searching = false;
  #found: Found | undefined;
  readonly #holes = new Holes();
  /** What was found is kept until it is handed out: it was read when holes were found. */
  #keep = false;
  readonly #snapshots = new Snapshots();
  readonly #work: ReaderWork;
  #wakeups = 0;
  #notifiedOf = 0;

  constructor(options: FeedOptions) {
    const { network, tail, pages, subscriptions, filter, start, window, batch, wake } = options;
    this.#network = network;
    this.#tail = tail;
    this.#pages = pages;
    this.#subscriptions = subscriptions;
    this.#filter = filter;
    this.#wake = wake;
    this.#work = new ReaderWork(pages.turn, wake);
    this.#window = new Window(window);
    this.#batchLimits = batch ?? BATCH_LIMITS;
    this.#position = start.position;
    this.#told = start.position.sequence;
    this.#verified = !start.claimed;
    this.#behind = start.claimed || start.position.sequence < tail.head.sequence;
    if (start.snapshot) this.#queueSnapshot(filter);
    subscriptions.put(this);
  }

  get filter(): TopicFilter {
    return this.#filter;
  }

  /** Everything that matches up to here was handed out. */
  get position(): Cursor {
    return this.#behind ? this.#position : this.#tail.head;
  }

  /** The sequence up to which the reader was told that it has everything. */
  get told(): number {
    return this.#told;
  }

  /** The entry at this sequence may match, and the tail has it. */
  notify(sequence: number): void {
    // Several of its patterns may match the same entry.
    if (sequence === this.#notifiedOf) return;
    this.#notifiedOf = sequence;
    if (!this.#behind) this.#position = this.#tail.cursorAt(sequence - 1) ?? this.#position;
    this.#behind = true;
    this.#wakeups += 1;
    this.#wake();
  }

  /** How many entries woke the feed. */
  get wakeups(): number {
    return this.#wakeups;
  }

  /** Bytes of events that were handed out and are not acknowledged. */
  get unacknowledgedBytes(): number {
    return this.#window.bytes;
  }

  /** Nothing is to be handed out, and nothing is searched. Of a reader without a window. */
  get idle(): boolean {
    return !this.#behind && this.#snapshots.size === 0 && this.#holes.size === 0;
  }

  /**
   * The next frame, or undefined if there is none until the next wake. Undefined too while the
   * window is full. Throws what the engine threw.
   */
  next(): FramePart | undefined {
    if (!this.#work.open) return undefined;
    return this.#nextHole() ?? this.#snapshotPart() ?? this.#events();
  }

  #snapshotPart(): FramePart | undefined {
    if (this.#snapshots.size === 0 || this.#work.busy) return undefined;
    const made = this.#snapshots.take();
    if (made) return made;
    this.#work.begin(() => this.#snapshots.make());
    return this.#snapshots.take();
  }

  /** Resolves when fewer snapshots wait to be taken; undefined if they are few. */
  room(): Promise<void> | undefined {
    return this.#snapshots.room();
  }

  /** Nobody takes anything any more. */
  close(): void {
    this.#subscriptions.remove(this);
    this.#work.close();
    this.#snapshots.clear();
    this.#found = undefined;
  }

  #events(): FramePart | undefined {
    while (this.#behind && !this.#work.busy && this.#window.open) {
      if (!this.#found) this.#look();
      if (!this.#found) break;
      const frame = this.#take(this.#found);
      if (frame) return frame;
    }
    return undefined;
  }

  /** Looks for what follows: in the tail at once, unless that is a search or costly; in the engine later. */
  #look(): void {
    const live = this.#verified && this.#tail.covers(this.#position.sequence);
    if (live && !this.#searching && this.#filter.long === 0) this.#lookAtTail();
    else this.#work.begin(live ? () => this.#lookAtTail() : () => this.#lookAtPage());
  }

  #lookAtTail(): void {
    const tail = this.#tail;
    const { sequence } = this.#position;
    let batch = tail.batch(sequence, this.#filter, this.#batchLimits);
    // What fits as it is is shared with other readers.
    if (!this.#window.fits(batch.chunks.length, batch.bytes)) {
      batch = tail.batch(sequence, this.#filter, this.#window.left(this.#batchLimits));
    }
    this.#found = batch;
  }

  async #lookAtPage(): Promise<void> {
    const { events, bytes } = this.#batchLimits;
    const limits = { events: this.#searching ? PAGE_ENTRIES : events, bytes };
    const page = await this.#pages.read(this.#position, limits);
    this.#verified = true;
    // What the journal removed early the tail may have still.
    const live = page.kind === 'page' && this.#tail.covers(this.#position.sequence);
    if (!this.#work.open || live) return;
    if (page.kind === 'gap') this.#found = page;
    else this.#pages.turn.work(() => this.#filterPage(page));
  }

  #filterPage(page: Page): void {
    const entries = encoded(page.entries, this.#filter);
    const limits = this.#window.left(this.#batchLimits);
    const batch = collect(entries, page.upTo, this.#filter, limits);
    this.#holes.find(page, batch.upTo.sequence, this.#filter);
    this.#found = batch;
    // Not read again after the gap was told: by then more may be gone, and so on without an end.
    this.#keep = this.#holes.size > 0;
  }

  #nextHole(): FramePart | undefined {
    const { fresh } = this.#holes;
    const hole = this.#holes.take();
    if (!hole) return undefined;
    // A reader that does not know gaps of topics skips all that is in them.
    if (fresh && this.#filter.hasResources) this.#queueSnapshot(this.#filter);
    const range = { lostAfter: this.#position, resumesAt: hole.upTo };
    const topics = [...patternsUnder(hole.prefix)];
    const value = { ...range, reason: GapReason.TRIMMED, topics };
    return encodeFrame({ $case: 'gap', value });
  }

  /** Hands out what was found. Undefined if it has no event, or does not fit into the window. */
  #take(found: Found): FramePart | undefined {
    if ('kind' in found) return this.#lose(found);
    const { chunks, bytes } = found;
    if (chunks.length === 0) this.#moveTo(found.upTo);
    else if (this.#window.admits(chunks.length, bytes)) return this.#deliver(found);
    else if (!this.#keep) this.#found = undefined;
    this.#searching = this.#behind && chunks.length === 0;
    return undefined;
  }

  #deliver(batch: Batch): FramePart {
    this.#moveTo(batch.upTo);
    this.#searching = false;
    const frame = encodeBatchFrame(this.#told, batch);
    this.#told = batch.upTo.sequence;
    this.#window.sent(batch.upTo.sequence, batch.chunks.length, batch.bytes);
    return frame;
  }

  #moveTo(position: Cursor): void {
    this.#found = undefined;
    this.#keep = false;
    this.#position = position;
    this.#behind = position.sequence < this.#tail.head.sequence;
  }

  #lose({ lostAfter, resumesAt, reason }: JournalGap): FramePart {
    this.#moveTo(resumesAt);
    this.#told = resumesAt.sequence;
    if (this.#filter.hasResources) this.#queueSnapshot(this.#filter);
    const value = { lostAfter, resumesAt, reason: GapReason[reason], topics: [] };
    return encodeFrame({ $case: 'gap', value });
  }

  /** Changes the filter from the scan position on, which it answers with. */
  update(filter: TopicFilter, snapshotOf: TopicFilter | undefined): Cursor {
    if (!this.#behind) this.#position = this.#tail.head;
    this.#filter = filter;
    this.#subscriptions.put(this);
    // What was read for the former topics is read again.
    this.#found = undefined;
    this.#keep = false;
    this.#holes.clear();
    if (snapshotOf) this.#queueSnapshot(snapshotOf);
    this.#wake();
    return this.#position;
  }

  #queueSnapshot(filter: TopicFilter): void {
    const resources = new TopicFilter(filter.resourcePatterns());
    this.#snapshots.add(snapshotParts(this.#network, resources, this.#position));
  }

  /** Takes an acknowledgement. Throws ACK_INVALID. */
  acknowledge(sequence: number): void {
    this.#window.acknowledge(sequence);
    this.#wake();
  }

  /** The head, if the reader has been told everything up to it; renews a quiet reader's cursor. */
  renewed(): Cursor | undefined {
    if (this.#behind || this.#snapshots.size > 0) return undefined;
    this.#position = this.#tail.head;
    this.#told = this.#position.sequence;
    return this.#position;
  }
}

/** Encodes what a reader takes, one by one as far as its batch gets. */
function* encoded(entries: readonly Entry[], filter: TopicFilter): Generator<EncodedEntry> {
  for (const entry of entries) if (filter.takes(entry)) yield encodeEntry(entry);
}
