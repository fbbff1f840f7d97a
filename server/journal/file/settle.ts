/**
 * Adapts the state to settings that have changed. A topic that gets a retention of its own is counted once. The holes
 * of a topic that has none any more stay in the state as long as the log reaches back to them.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { noOwnChange, ownChange, type OwnState, withoutLimits } from './own.js';
import { decodeEntry } from './record.js';
import type { State } from './state.js';
import type { Change, Store } from './store.js';
import type { TopicRetention } from '../journal.js';
import { TopicBudget } from '../prefix-retention.js';

/** How many entries are counted in one turn of the event loop. */
const PAGE = 1000;

/** A state, and the changes that must be committed to store it. */
interface Settled {
  readonly state: State;
  readonly changes: readonly Change[];
}

/** Reads the whole log if there is a topic to count. Throws a JournalError. */
export async function settleOwn(
  store: Store,
  state: State,
  topics: readonly TopicRetention[] = [],
): Promise<Settled> {
  const former = withoutLimits(state.own, topics);
  const holes = former.filter(({ removed }) => (removed?.sequence ?? 0) > state.floor.sequence);
  const kept = holes.map((one) => ({ ...one, counted: false, entries: 0, bytes: 0 }));
  const unchanged = state.own.filter((own) => own.counted && !former.includes(own));
  const fresh = topics.filter(({ prefix }) => !unchanged.some((own) => own.prefix === prefix));
  const counted = (await count(store, state, fresh)).map(({ prefix, entries, bytes }): OwnState => {
    const removed = state.own.find((own) => own.prefix === prefix)?.removed;
    return { prefix, counted: true, entries, bytes, removed };
  });
  const changes = [
    ...former.filter((one) => !holes.includes(one)).map(noOwnChange),
    ...kept.filter((_, index) => holes[index]?.counted).map(ownChange),
    ...counted.map(ownChange),
  ];
  return { state: { ...state, own: [...unchanged, ...counted, ...kept] }, changes };
}

async function count(
  store: Store,
  { floor, newest }: State,
  topics: readonly TopicRetention[],
): Promise<TopicBudget[]> {
  const budgets = topics.map((limits) => new TopicBudget(limits));
  let from = floor.sequence + 1;
  while (budgets.length > 0) {
    const found = store.range('log', from, newest.sequence + 1, PAGE);
    for (const { key, value } of found) {
      const { entry, bytes } = decodeEntry(key, value);
      budgets.find((one) => one.takes(entry.topic))?.count(1, bytes);
    }
    const last = found.at(-1);
    if (!last) break;
    from = last.key + 1;
    await nextTurn();
  }
  return budgets;
}
