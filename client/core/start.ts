/** Where reading starts, in the form of programs and in the form of the contract. */
import { type Cursor, type Start, StartAt } from '../../gen/ts/kelpie/v1/cursor.js';
import { amount, bytes, object, oneOf, UINT32, whole } from './arguments.js';
import { durationOf } from './duration.js';

/**
 * Where reading starts. SNAPSHOT: the present rows, then the events after them. EARLIEST: the oldest event of the
 * history. LATEST: only new events. `after`: after a position. `sinceMs`: this many milliseconds ago.
 */
export type StartOption =
  'SNAPSHOT' | 'EARLIEST' | 'LATEST' | { readonly after: Cursor } | { readonly sinceMs: number };

/** The start in the form of the contract: a copy. Throws VALUE_INVALID or OUT_OF_RANGE. */
export function startOf(option: StartOption): Start {
  if (typeof option === 'string') {
    const place = oneOf<'SNAPSHOT' | 'EARLIEST' | 'LATEST'>('start', option, StartAt);
    return { place: { $case: 'at', value: StartAt[place] } };
  }
  const start = object('start', option) as typeof option;
  if ('after' in start) return { place: { $case: 'after', value: cursorOf(start.after) } };
  // The bound is as far back as a wall clock can go.
  const sinceMs = amount('start.sinceMs', start.sinceMs, 0, Number.MAX_SAFE_INTEGER);
  return { place: { $case: 'since', value: durationOf(sinceMs) } };
}

function cursorOf(given: Cursor): Cursor {
  const { epoch, sequence, tag } = object('start.after', given) as Cursor;
  return {
    epoch: bytes('start.after.epoch', epoch),
    sequence: whole('start.after.sequence', sequence),
    tag: whole('start.after.tag', tag, 0, UINT32),
  };
}
