/** Reads without a session: the same feed, which the call holds back instead of a window. */
import { type Start, StartAt } from '../../gen/ts/kelpie/v1/cursor.js';
import type {
  ReadEventsRequest,
  ReadEventsResponse,
  WatchEventsRequest,
} from '../../gen/ts/kelpie/v1/event_service.js';
import { CoordinatorFrame } from '../../gen/ts/kelpie/v1/session_service.js';
import type { Gap } from '../../gen/ts/kelpie/v1/stream.js';
import { type Clock, every } from '../core/clock.js';
import type { Cursor } from '../core/cursor.js';
import { msOf } from '../core/duration.js';
import { KelpieError, outOfRange } from '../core/errors.js';
import type { Limits, Times } from '../network/limits.js';
import type { Network } from '../network/network.js';
import type { Tail } from './tail.js';
import type { Pages } from './pages.js';
import type { PatternBudget, PatternHold } from './pattern-budget.js';
import type { SubscriptionIndex } from './subscription-index.js';
import { filterOf, type ReadingStart, startOf } from './start.js';
import { BATCH_LIMITS } from './batch.js';
import { Wakeup } from '../core/wakeup.js';
import { Feed, type FeedOptions } from './feed.js';
import { encodeBatchFrame, type Frame, frameOf, type FramePart } from './frames.js';
import { unlimitedWindow } from './window.js';

const LONGEST_WAIT_MS = 60_000;

/** The services that reading uses. The coordinator builds them. */
export interface ReadingServices {
  readonly network: Network;
  readonly tail: Tail;
  readonly pages: Pages;
  readonly subscriptions: SubscriptionIndex;
  readonly patterns: PatternBudget;
  readonly limits: Pick<Limits, 'patterns'>;
  readonly times: Pick<Times, 'heartbeatMs'>;
  readonly clock: Clock;
  /** Aborts with the error DRAINING when the coordinator begins to stop. */
  readonly draining: AbortSignal;
}

/** A feed, and a place to wait for it. */
class Reader {
  readonly #hold: PatternHold;
  readonly #wakeup = new Wakeup();
  readonly #start: ReadingStart;
  /** A quiet reader must get its newest position. */
  #renewing = false;
  readonly feed: Feed;

  private constructor(hold: PatternHold, options: Omit<FeedOptions, 'wake'>) {
    this.#hold = hold;
    this.#start = options.start;
    this.feed = new Feed({ ...options, wake: this.wake });
  }

  /** Throws TOPIC_INVALID, TOPIC_RESERVED, PATTERN_LIMIT, or what a bad start gives. */
  static async open(
    { network, tail, pages, subscriptions, patterns, limits }: ReadingServices,
    { connection, peer }: Pick<Caller, 'connection' | 'peer'>,
    { topics, start }: { topics: string[]; start: Start | undefined },
    events = BATCH_LIMITS.events,
  ): Promise<Reader> {
    if (topics.length === 0) {
      throw new KelpieError('TOPIC_INVALID', 'name at least one topic; ">" reads all messages');
    }
    const filter = filterOf(topics, limits.patterns);
    const hold = patterns.hold(connection, peer);
    hold.take(filter);
    const from = await startOf(network, start).catch((error: unknown) => {
      hold.release();
      throw error;
    });
    const batch = { ...BATCH_LIMITS, events };
    const parts = { network, tail, pages, subscriptions, filter, start: from, batch };
    return new Reader(hold, { ...parts, window: unlimitedWindow });
  }

  readonly wake = this.#wakeup.wake;

  /** Where reading starts, if neither the caller says so nor a Snapshot. */
  startFrame(): FramePart | undefined {
    const { position, claimed, snapshot } = this.#start;
    return claimed || snapshot ? undefined : positionFrame(position);
  }

  /** Renews the cursor of a reader that got nothing lately. */
  readonly renew = (): void => {
    this.#renewing = true;
    this.wake();
  };

  next(): FramePart | undefined {
    const frame = this.feed.next();
    if (frame || !this.#renewing) return frame;
    this.#renewing = false;
    const { sentUpTo } = this.feed;
    const cursor = this.feed.renewed();
    return cursor && cursor.sequence > sentUpTo ? positionFrame(cursor) : undefined;
  }

  woken(): Promise<void> {
    return this.#wakeup.wait();
  }

  /** The caller does not wait any more: stops reading. */
  readonly close = (): void => {
    this.feed.close();
    this.#hold.release();
    this.wake();
  };
}

/** The caller that reads. */
export interface Caller {
  /** A name of their connection. */
  readonly connection: string;
  /** A name of their credential or address. */
  readonly peer: string;
  /** Aborts when the caller does not wait any more. */
  readonly signal: AbortSignal;
  /** Called when the request is in order, however long the first event takes. */
  readonly opened: () => void;
}

/** The frames of a watch, encoded. Ends when the signal aborts; throws DRAINING. */
export async function* watch(
  services: ReadingServices,
  request: WatchEventsRequest,
  caller: Caller,
): AsyncGenerator<Uint8Array> {
  const { signal } = caller;
  const reader = await Reader.open(services, caller, request);
  const { draining, clock, times } = services;
  draining.addEventListener('abort', reader.wake);
  const stop = every(clock, times.heartbeatMs, reader.renew);
  signal.addEventListener('abort', reader.close, { once: true });
  caller.opened();
  try {
    const start = reader.startFrame();
    if (start) yield frameOf(start);
    while (!signal.aborted) {
      draining.throwIfAborted();
      const frame = reader.next();
      if (frame) yield frameOf(frame);
      else await reader.woken();
    }
  } finally {
    stop();
    draining.removeEventListener('abort', reader.wake);
    reader.close();
  }
}

/** A page of events. Waits for the first one if the request says so. */
export async function readPage(
  services: ReadingServices,
  request: ReadEventsRequest,
  caller: Caller,
): Promise<ReadEventsResponse> {
  const { signal, opened } = caller;
  const { waitMs, pageSize } = checked(request);
  const reader = await Reader.open(services, caller, request, pageSize);
  let over = waitMs === 0;
  const stop = (): void => {
    over = true;
    reader.wake();
  };
  const cancel = services.clock.after(waitMs, stop);
  signal.addEventListener('abort', reader.close, { once: true });
  opened();
  try {
    return await pageOf(reader, () => signal.aborted || (over && reader.feed.idle));
  } finally {
    cancel();
    reader.close();
  }
}

async function pageOf(reader: Reader, over: () => boolean): Promise<ReadEventsResponse> {
  let gap: Gap | undefined;
  for (;;) {
    const frame = nextFrame(reader);
    if (frame?.$case === 'eventBatch') {
      return { events: frame.value.events, cursor: frame.value.upTo, gap };
    }
    if (frame?.$case === 'gap') {
      // The page has one such gap; the next page has the next.
      if (isWhole(gap)) return { events: [], cursor: gap.resumesAt, gap };
      gap = together(gap, frame.value);
    }
    if (frame) continue;
    // A gap does not wait for an event.
    if (over() || gap) return { events: [], cursor: reader.feed.position, gap };
    await reader.woken();
  }
}

function nextFrame({ feed }: Reader): Frame | undefined {
  const bytes = feed.next();
  return bytes && CoordinatorFrame.decode(frameOf(bytes)).frame;
}

/** A batch without events: everything up to here was sent. */
function positionFrame(upTo: Cursor): FramePart {
  return encodeBatchFrame(upTo.sequence, { upTo, bytes: 0, chunks: [] });
}

/** Whether a gap is of all topics. */
function isWhole(gap: Gap | undefined): gap is Gap {
  return gap?.topics.length === 0;
}

/** Gaps of several topics as one that is not smaller. */
function together(former: Gap | undefined, gap: Gap): Gap {
  if (!former) return gap;
  const further = (gap.resumesAt?.sequence ?? 0) > (former.resumesAt?.sequence ?? 0) ? gap : former;
  return { ...further, topics: [...former.topics, ...gap.topics] };
}

function checked({ pageSize, wait, start }: ReadEventsRequest): {
  waitMs: number;
  pageSize: number;
} {
  const waitMs = wait ? msOf(wait) : 0;
  if (waitMs < 0 || waitMs > LONGEST_WAIT_MS) {
    throw outOfRange('wait', LONGEST_WAIT_MS, 'wait is 0 to 60 s');
  }
  if (pageSize > BATCH_LIMITS.events) {
    const limit = BATCH_LIMITS.events;
    throw outOfRange('page_size', limit, `a page has at most ${limit} events`);
  }
  if (start?.place?.$case === 'at' && start.place.value === StartAt.SNAPSHOT) {
    throw new KelpieError(
      'START_INVALID',
      'a page of events has no snapshot; start after a cursor, at EARLIEST or LATEST, or since a duration',
      { start: 'SNAPSHOT' },
    );
  }
  return { waitMs, pageSize: pageSize === 0 ? BATCH_LIMITS.events : pageSize };
}
