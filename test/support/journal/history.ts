/** What a journal went through, which retention makes it forget. */
import { Event } from '../../../gen/ts/kelpie/v1/event.js';
import type { Entry, Journal } from '../../../server/journal/journal.js';

/** Every entry from now on, and where the journal once began. */
export interface History {
  readonly entries: Entry[];
  /** Positions before the oldest entry, as they were after each append. */
  readonly floors: Set<number>;
  /** Up to where topics that are kept for less were gone, by their prefixes, as it was after each append. */
  readonly gone: Map<string, Set<number>>;
}

export function historyOf(journal: Journal): History {
  const floors = new Set([journal.oldest.sequence]);
  const history: History = { entries: [], floors, gone: new Map() };
  journal.onAppend((entries) => {
    history.entries.push(...entries);
    floors.add(journal.oldest.sequence);
    // A journal in memory answers with what there is at the time of the call.
    void journal.read(journal.oldest, 1).then((page) => {
      for (const { prefix, upTo } of page.kind === 'page' ? page.missing : []) {
        history.gone.set(prefix, (history.gone.get(prefix) ?? new Set()).add(upTo.sequence));
      }
    });
  });
  return history;
}

/** The bodies of the events that the journal gets, in order, from now on. */
export function bodiesOf(journal: Journal): NonNullable<Event['body']>[] {
  const bodies: NonNullable<Event['body']>[] = [];
  journal.onAppend((entries) => {
    for (const { event } of entries) {
      const { body } = Event.decode(event);
      if (body) bodies.push(body);
    }
  });
  return bodies;
}

/** Lets everything that is ready happen; nothing here waits for a real timer. */
export async function settled(turns = 5): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}
