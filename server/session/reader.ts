/** Reading without a session: the same feed, held back by the call instead of by a window. */
import { type Start, StartAt } from '../../gen/ts/kelpie/v1/cursor.js';
import type {
  ReadEventsRequest,
  ReadEventsResponse,
  WatchEventsRequest,
} from '../../gen/ts/kelpie/v1/event_service.js';
import { CoordinatorFrame } from '../../gen/ts/kelpie/v1/session_service.js';
import type { Gap } from '../../gen/ts/kelpie/v1/stream.js';
import { msOf } from '../core/duration.js';
import { KelpieError, outOfRange } from '../core/errors.js';
import { filterOf, startOf } from '../domain/reading.js';
import { BATCH_LIMITS } from '../journal/batch.js';
import { Alarm } from './alarm.js';
import { Feed } from './feed.js';
import { type Frame, frameOf } from './frames.js';
import type { Hub } from './hub.js';
import { unlimitedWindow } from './window.js';

const LONGEST_WAIT_MS = 60_000;

/** A feed on the bell, and a place to wait for it. */
class Reader {
  readonly #hub: Hub;
  readonly #alarm = new Alarm();
  readonly feed: Feed;

  private constructor(hub: Hub, options: Omit<ConstructorParameters<typeof Feed>[0], 'wake'>) {
    this.#hub = hub;
    this.feed = new Feed({ ...options, wake: this.wake });
    hub.bell.hang(this.feed);
  }

  /** Throws TOPIC_INVALID, TOPIC_RESERVED, PATTERN_LIMIT, or what a bad start gives. */
  static async open(
    hub: Hub,
    { topics, start }: { topics: string[]; start: Start | undefined },
    events = BATCH_LIMITS.events,
  ): Promise<Reader> {
    const { network } = hub;
    if (topics.length === 0) {
      throw new KelpieError('TOPIC_INVALID', 'name at least one topic; ">" reads all messages');
    }
    const filter = filterOf(topics, network.options.limits.patterns);
    const from = await startOf(network, start);
    const batch = { ...BATCH_LIMITS, events };
    return new Reader(hub, { network, filter, start: from, window: unlimitedWindow, batch });
  }

  readonly wake = this.#alarm.ring;

  rung(): Promise<void> {
    return this.#alarm.sleep();
  }

  close(): void {
    this.#hub.bell.remove(this.feed);
  }
}

/** The frames of a watch, encoded. Ends when the signal aborts; throws DRAINING. */
export async function* watch(
  hub: Hub,
  request: WatchEventsRequest,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const reader = await Reader.open(hub, request);
  const forgetWatcher = hub.onDrain(reader.wake);
  signal.addEventListener('abort', reader.wake, { once: true });
  try {
    while (!signal.aborted) {
      hub.checkDraining();
      const frame = await reader.feed.next();
      if (frame) yield frameOf(frame);
      else await reader.rung();
    }
  } finally {
    forgetWatcher();
    reader.close();
  }
}

/** A page of events. Waits for the first one if the request says so. */
export async function readPage(
  hub: Hub,
  request: ReadEventsRequest,
  signal: AbortSignal,
): Promise<ReadEventsResponse> {
  const { waitMs, pageSize } = checked(request);
  const reader = await Reader.open(hub, request, pageSize);
  let over = waitMs === 0;
  const stop = (): void => {
    over = true;
    reader.wake();
  };
  const cancel = hub.network.options.clock.after(waitMs, stop);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await pageOf(reader, () => over);
  } finally {
    cancel();
    reader.close();
  }
}

async function pageOf(reader: Reader, over: () => boolean): Promise<ReadEventsResponse> {
  let gap: Gap | undefined;
  for (;;) {
    const frame = await nextFrame(reader);
    if (frame?.$case === 'eventBatch') {
      return { events: frame.value.events, cursor: frame.value.upTo, gap };
    }
    if (frame?.$case === 'gap') {
      // One is told; the next when the caller comes back.
      if (isWhole(gap)) return { events: [], cursor: gap.resumesAt, gap };
      gap = together(gap, frame.value);
    }
    if (frame) continue;
    // A gap is news too: it is not kept waiting for an event.
    if (over() || gap) return { events: [], cursor: reader.feed.position, gap };
    await reader.rung();
  }
}

async function nextFrame({ feed }: Reader): Promise<Frame | undefined> {
  const bytes = await feed.next();
  return bytes && CoordinatorFrame.decode(frameOf(bytes)).frame;
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
