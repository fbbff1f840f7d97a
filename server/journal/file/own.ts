/**
 * The stored records about topics with a retention of their own: their usage, and the last entry that was removed
 * early. Up to that entry the log may have holes.
 */
import { seal, unseal } from './record.js';
import { type Change, chunks, type Store } from './store.js';
import type { TopicRetention } from '../journal.js';
import type { Removed } from '../prefix-retention.js';

export interface OwnState {
  readonly prefix: string;
  /** The counts are right. False if the present settings give the topic no retention of its own. */
  readonly counted: boolean;
  readonly entries: number;
  readonly bytes: number;
  /** All entries of the topic up to this one are gone. */
  readonly removed: Removed | undefined;
}

const OWN = 'own/';

export function ownChange({ prefix, counted, entries, bytes, removed }: OwnState): Change {
  const key = Buffer.from(OWN + prefix);
  const { sequence, tag, latestMs } = removed ?? { sequence: 0, tag: 0, latestMs: 0 };
  const numbers = [counted ? 1 : 0, entries, bytes, sequence, tag, latestMs];
  const body = Buffer.alloc(numbers.length * 8);
  numbers.forEach((number, index) => body.writeDoubleLE(number, index * 8));
  return { space: 'meta', key, value: seal(key, body) };
}

export function noOwnChange({ prefix }: OwnState): Change {
  return { space: 'meta', key: Buffer.from(OWN + prefix), value: null };
}

export function readOwn(store: Store): OwnState[] {
  const own: OwnState[] = [];
  for (const chunk of chunks(store, 'meta', OWN)) {
    for (const { key, value } of chunk) {
      const prefix = Buffer.from(key).toString().slice(OWN.length);
      const body = unseal(`the count of ${prefix}`, key, value);
      const number = (index: number): number => body.readDoubleLE(index * 8);
      const removed = { sequence: number(3), tag: number(4), latestMs: number(5) };
      own.push({
        prefix,
        counted: number(0) === 1,
        entries: number(1),
        bytes: number(2),
        removed: removed.sequence > 0 ? removed : undefined,
      });
    }
  }
  return own;
}

/** The highest sequence at which an entry may be missing without damage; 0 for none. */
export function lastHole({ own }: { readonly own: readonly OwnState[] }): number {
  return Math.max(0, ...own.map(({ removed }) => removed?.sequence ?? 0));
}

/** The topics to which the settings give no retention of their own. */
export function withoutLimits(
  own: readonly OwnState[],
  topics: readonly TopicRetention[] = [],
): OwnState[] {
  return own.filter(({ prefix }) => !topics.some((limits) => limits.prefix === prefix));
}
