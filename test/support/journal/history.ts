/** Records the whole history of a journal, of which retention removes parts. */
import { Event } from '../../../gen/ts/kelpie/v1/event.js';
import type { Entry, Journal } from '../../../server/journal/journal.js';

/** Every entry from the call of `historyOf` on, and the positions at which the journal began. */
export interface History {
  readonly entries: Entry[];
  /** The position before the oldest entry after each append. */
  readonly floors: Set<number>;
  /** By the prefix of each topic with a retention of its own: the last removed sequence after each append. */
  readonly gone: Map<string, Set<number>>;
}

export function historyOf(journal: Journal): History {
  const floors = new Set([journal.oldest.sequence]);
  const history: History = { entries: [], floors, gone: new Map() };
  journal.onAppend((entries) => {
    history.entries.push(...entries);
    floors.add(journal.oldest.sequence);
    // A journal in memory answers with the entries that it has at the time of the call.
    void journal.read(journal.oldest, 1).then((page) => {
      for (const { prefix, upTo } of page.kind === 'page' ? page.missing : []) {
        history.gone.set(prefix, (history.gone.get(prefix) ?? new Set()).add(upTo.sequence));
      }
    });
  });
  return history;
}

/** The bodies of all events that the journal stores after this call, in order. */
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

/** Lets the event loop run for some turns. For tests in which nothing waits for a real timer. */
export async function settled(turns = 5): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}
