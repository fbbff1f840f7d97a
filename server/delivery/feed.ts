/**
 * The events of the journal for one reader: a position and a filter, not a queue. Live and replay are one path.
 * A slow reader costs only its position. A reader that fell out of the journal gets a Gap, and its resources
 * again by a Snapshot.
 *
 * Nobody waits for a feed. It does long work (a page, a part of a Snapshot, a search for rare events) piece by
 * piece in the turn that all readers share, and wakes its reader afterwards.
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

/** The parts of a feed. */
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

/** A gap or a batch that the feed found and did not send yet. */
type Found = JournalGap | Batch;

export class Feed {
  readonly #options: FeedOptions;
  readonly #tail: Tail;
  readonly #pages: Pages;
  readonly #window: Window;
  readonly #batchLimits: BatchLimits;
  #filter: TopicFilter;
  /** The feed sent everything that matches up to here. Stands still while the feed is caught up. */
  #position: Cursor;
  /** The journal confirmed that the position belongs to its history. */
  #verified: boolean;
  /** The last position that was sent: the reader compares a batch's `after` with it. */
  #sentUpTo: number;
  /** Something after the position may match. False: caught up, wherever the head has gone since. */
  #behind: boolean;
  /** The entries seen last had nothing for the reader. */
  #searching = false;
  #found: Found | undefined;
  readonly #holes = new Holes();
  /** The found batch stays until it is sent, because its page had holes. */
  #keep = false;
  readonly #snapshots = new Snapshots();
  readonly #work: ReaderWork;
  #wakeups = 0;
  #notifiedOf = 0;

  constructor(options: FeedOptions) {
    const { tail, pages, subscriptions, filter, start, window, batch, wake } = options;
    this.#options = options;
    this.#tail = tail;
    this.#pages = pages;
    this.#filter = filter;
    this.#work = new ReaderWork(pages.turn, wake);
    this.#window = new Window(window);
    this.#batchLimits = batch ?? BATCH_LIMITS;
    this.#position = start.position;
    this.#sentUpTo = start.position.sequence;
    this.#verified = !start.claimed;
    this.#behind = start.claimed || start.position.sequence < tail.head.sequence;
    if (start.snapshot) this.#queueSnapshot(filter);
    subscriptions.put(this);
  }

  get filter(): TopicFilter {
    return this.#filter;
  }

  /** The feed sent everything that matches up to here. */
  get position(): Cursor {
    return this.#behind ? this.#position : this.#tail.head;
  }

  /** The sequence up to which the reader knows that it has everything. */
  get sentUpTo(): number {
    return this.#sentUpTo;
  }

  /** The entry at this sequence may match, and the tail has it. */
  notify(sequence: number): void {
    // Several of its patterns may match the same entry.
    if (sequence === this.#notifiedOf) return;
    this.#notifiedOf = sequence;
    if (!this.#behind) this.#position = this.#tail.cursorAt(sequence - 1) ?? this.#position;
    this.#behind = true;
    this.#wakeups += 1;
    this.#options.wake();
  }

  /** How many entries woke the feed. */
  get wakeups(): number {
    return this.#wakeups;
  }

  /** Bytes of events that were sent and are not acknowledged. */
  get unacknowledgedBytes(): number {
    return this.#window.bytes;
  }

  /** Nothing is to send and nothing to search. For a reader without a window. */
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
    while (this.#snapshots.size > 0 && !this.#work.busy) {
      const made = this.#snapshots.take();
      if (made) return made;
      this.#work.begin(() => this.#snapshots.make());
    }
    return undefined;
  }

  /** Resolves when fewer snapshots wait; undefined if few do. */
  room(): Promise<void> | undefined {
    return this.#snapshots.room();
  }

  /** The reader takes nothing any more. */
  close(): void {
    this.#options.subscriptions.remove(this);
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
    // Readers share a batch that fits as it is.
    if (!this.#window.fits(batch.chunks.length, batch.bytes)) {
      batch = tail.batch(sequence, this.#filter, this.#window.left(this.#batchLimits));
    }
    this.#found = batch;
  }

  async #lookAtPage(): Promise<void> {
    const { events, bytes } = this.#batchLimits;
    const limits = { events: this.#searching ? PAGE_ENTRIES : events, bytes };
    const page = await this.#pages.read(this.#position, limits);
    this.#verified ||= page !== undefined;
    // The tail may still have entries that the journal removed early.
    const live = page?.kind === 'page' && this.#tail.covers(this.#position.sequence);
    if (!page || !this.#work.open || live) return;
    if (page.kind === 'gap') this.#found = page;
    else this.#pages.turn.work(() => this.#filterPage(page));
  }

  #filterPage(page: Page): void {
    const entries = encoded(page.entries, this.#filter);
    const limits = this.#window.left(this.#batchLimits);
    const batch = collect(entries, page.upTo, this.#filter, limits);
    this.#holes.find(page, batch.upTo.sequence, this.#filter);
    this.#found = batch;
    // Not read again after the gap is sent: by then more may be gone, and so on without end.
    this.#keep = this.#holes.size > 0;
  }

  #nextHole(): FramePart | undefined {
    const { fresh } = this.#holes;
    const hole = this.#holes.take();
    if (!hole) return undefined;
    // A reader that does not know gaps of topics skips all that is in them.
    if (fresh && this.#filter.hasResources) this.#queueSnapshot(this.#filter);
    const range = { lostAfter: this.#position, resumesAt: hole.upTo };
    const value = { ...range, reason: GapReason.TRIMMED, topics: [...patternsUnder(hole.prefix)] };
    return encodeFrame({ $case: 'gap', value });
  }

  /** The frame of a gap or batch. Undefined if it has no event, or does not fit into the window. */
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
    const frame = encodeBatchFrame(this.#sentUpTo, batch);
    this.#sentUpTo = batch.upTo.sequence;
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
    this.#sentUpTo = resumesAt.sequence;
    if (this.#filter.hasResources) this.#queueSnapshot(this.#filter);
    const value = { lostAfter, resumesAt, reason: GapReason[reason], topics: [] };
    return encodeFrame({ $case: 'gap', value });
  }

  /** Changes the filter from the scan position on, which it answers with. */
  update(filter: TopicFilter, snapshotOf: TopicFilter | undefined): Cursor {
    if (!this.#behind) this.#position = this.#tail.head;
    this.#filter = filter;
    this.#options.subscriptions.put(this);
    // The feed reads again what it read for the former topics.
    this.#found = undefined;
    this.#keep = false;
    this.#holes.clear();
    if (snapshotOf) this.#queueSnapshot(snapshotOf);
    this.#options.wake();
    return this.#position;
  }

  #queueSnapshot(filter: TopicFilter): void {
    const resources = new TopicFilter(filter.resourcePatterns());
    this.#snapshots.add(snapshotParts(this.#options.network, resources, this.#position));
  }

  /** Takes an acknowledgement. Throws ACK_INVALID. */
  acknowledge(sequence: number): void {
    this.#window.acknowledge(sequence);
    this.#options.wake();
  }

  /** The head, if everything up to it was sent; renews a quiet reader's cursor. */
  renewed(): Cursor | undefined {
    if (this.#behind || this.#snapshots.size > 0) return undefined;
    this.#position = this.#tail.head;
    this.#sentUpTo = this.#position.sequence;
    return this.#position;
  }
}

/** Encodes the events that a reader takes, one by one, as far as its batch gets. */
function* encoded(entries: readonly Entry[], filter: TopicFilter): Generator<EncodedEntry> {
  for (const entry of entries) if (filter.takes(entry)) yield encodeEntry(entry);
}
