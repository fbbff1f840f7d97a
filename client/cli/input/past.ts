/** The events of some topics, from a place in the past up to now. */
import type { Cursor, Start } from '../../../gen/ts/kelpie/v1/cursor.js';
import type { Event } from '../../../gen/ts/kelpie/v1/event.js';
import type { Api } from './calls.js';
import { startOf } from '../../core/start.js';
import { after } from './follow.js';

/** Page by page, so that a long history takes no more memory than a short one. */
export async function* past(api: Api, topics: string[], first: Start) {
  const { head } = await api.coordinator.getInfo({});
  let start = first;
  for (;;) {
    const page = await api.events.readEvents({ topics, start });
    yield page;
    // What happens meanwhile is no history yet; else a busy node would never come to its end.
    if (page.events.length === 0 && !page.gap) return;
    if (isAt(page.cursor, head)) return;
    start = after(page.cursor);
  }
}

function isAt(cursor: Cursor | undefined, head: Cursor | undefined): boolean {
  return (cursor?.sequence ?? 0) >= (head?.sequence ?? 0);
}

/** The first event of some topics that can be read: further back nobody sees. */
export async function oldestOf(api: Api, topics: string[]): Promise<Event | undefined> {
  const start = startOf('EARLIEST');
  const { events } = await api.events.readEvents({ topics, start, pageSize: 1 });
  return events[0];
}
