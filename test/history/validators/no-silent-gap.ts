/**
 * No silent gap. Between two positions of a stream lie exactly the events that it got, and no position moves to another
 * epoch without a Gap. A Gap begins where the reader is.
 */
import { logOf } from '../log.js';
import { type Advance, type Reading, readingsOf, reads, wanted } from '../reading.js';
import type { History } from '../steps.js';

export function noSilentGap(history: History): string[] {
  const log = logOf(history);
  const topics = new Map(log.map(({ sequence, topic }) => [sequence, topic]));
  return readingsOf(history).flatMap((reading) => [
    ...reading.advances.flatMap((advance) => [
      ...missed(reading, advance, log),
      ...unwanted(reading, advance, topics),
    ]),
    ...gaps(reading, log),
  ]);
}

function missed(reading: Reading, advance: Advance, log: ReturnType<typeof logOf>): string[] {
  const { client } = reading;
  const { step, from, to, got } = advance;
  if (from.epoch !== to.epoch)
    return [`${client} went from epoch ${from.epoch} to ${to.epoch} without a Gap`];
  if (step.kind === 'batch' && step.after > from.sequence)
    return [`${client} was at ${from.sequence}, and a batch began after ${step.after}`];
  const given = new Set(got);
  return [...wanted(log, reading, from, to.sequence)]
    .filter(({ sequence }) => !given.has(sequence))
    .map(({ sequence, topic }) => `${client} never got ${sequence} on ${topic}, by a ${step.kind}`);
}

function unwanted(reading: Reading, { got }: Advance, topics: Map<number, string>): string[] {
  return got
    .filter((sequence) => !reads(reading, topics.get(sequence) ?? '', sequence))
    .map((sequence) => `${reading.client} got ${sequence} on a topic that it does not read`);
}

/** Events that lie before a Gap have arrived. */
function gaps(reading: Reading, log: ReturnType<typeof logOf>): string[] {
  const { client } = reading;
  return reading.gaps.flatMap(({ from, step: { lostAfter } }) =>
    from.epoch === lostAfter.epoch
      ? [...wanted(log, reading, from, lostAfter.sequence)].map(
          ({ sequence }) => `${client} never got ${sequence}, which lies before its Gap`,
        )
      : [],
  );
}
