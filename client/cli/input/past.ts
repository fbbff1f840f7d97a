/** The events of some topics, from a place in the past up to now. */
import type { Cursor } from '../../../gen/ts/kelpie/v1/cursor.js';
import type { Event } from '../../../gen/ts/kelpie/v1/event.js';
import type { Api, ReadOptions } from '../../api/index.js';
import { fromThrown } from '../../errors.js';
import { shownTime } from '../output/output.js';
import { type Format, printRecord } from '../output/records.js';

type PastStart = NonNullable<ReadOptions['start']>;

/** Page by page, so that a long history takes no more memory than a short one. */
export async function* past(api: Api, topics: string[], first: PastStart) {
  const { head } = await api.coordinator.info();
  let start = first;
  for (;;) {
    const page = await api.messages.events.read(topics, { start });
    yield page;
    // Later events are not read: the history of a busy node would never end.
    if (page.events.length === 0 && !page.gap) return;
    if (isAt(page.cursor, head)) return;
    start = page.cursor ? { after: page.cursor } : 'LATEST';
  }
}

function isAt(cursor: Cursor | undefined, head: Cursor | undefined): boolean {
  return (cursor?.sequence ?? 0) >= (head?.sequence ?? 0);
}

/** The first event of some topics that can be read: further back nobody sees. */
export async function oldestOf(api: Api, topics: string[]): Promise<Event | undefined> {
  const { events } = await api.messages.events.read(topics, { start: 'EARLIEST', pageSize: 1 });
  return events[0];
}

/** The oldest event of the topics, or of `own` where the caller may not read them all. */
export async function reachOf(
  api: Api,
  topics: string[],
  own: string[],
): Promise<Event | undefined> {
  try {
    return await oldestOf(api, topics);
  } catch (thrown) {
    if (fromThrown(thrown).reason !== 'RIGHT_MISSING') throw thrown;
    return oldestOf(api, own);
  }
}

/** How far back the history reaches, by its oldest event. */
export function reachInWords(oldest: Event | undefined): string {
  return oldest
    ? `history goes back to ${shownTime(oldest.time)} (sequence ${oldest.sequence})`
    : 'history is empty';
}

export function showReach(oldest: Event | undefined, output: Format): void {
  const oldestSequence = oldest ? String(oldest.sequence) : null;
  printRecord(output, 'HistoryReach', { historySince: oldest?.time ?? null, oldestSequence });
}
