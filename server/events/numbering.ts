/**
 * Publish sequences. With them each event is stored once, even if a publisher sends it several times: the
 * coordinator skips stored events and refuses a hole. Sessions and calls share this rule.
 */
import { KelpieError, outOfRange } from '../core/errors.js';
import type { Producer } from '../journal/journal.js';

/** Events of one publish: the number of the first, and how many there are. */
export interface Numbered {
  readonly first: number;
  readonly count: number;
}

/**
 * How many of the events are stored already, from 0 up to all of them. `next` is the number that the next
 * event of the publisher must have; undefined: any. Throws OUT_OF_RANGE or PUBLISH_SEQUENCE_HOLE.
 */
export function storedAlready({ first, count }: Numbered, next = first): number {
  const field = 'first_publish_sequence';
  if (first < 1) throw outOfRange(field, 1, 'publish sequences begin above 0');
  // Subtracted: a sum above 2^53 is rounded, and may look safe.
  if (first > Number.MAX_SAFE_INTEGER - (count - 1)) {
    throw outOfRange(field, Number.MAX_SAFE_INTEGER, 'publish sequences stay below 2^53');
  }
  if (first > next) throw holeError(next);
  return Math.min(count, next - first);
}

/** The publisher's number before and after its new events are stored. */
export function producerOf(instance: Uint8Array, numbered: Numbered, stored: number): Producer {
  const { first, count } = numbered;
  return { instance, previous: first + stored - 1, last: first + count - 1 };
}

/** The error for a publish that does not begin at the next number of its publisher. */
export function holeError(next: number): KelpieError {
  return new KelpieError(
    'PUBLISH_SEQUENCE_HOLE',
    `${next} is the next publish sequence of this instance; send from there`,
    { expected: String(next) },
  );
}
