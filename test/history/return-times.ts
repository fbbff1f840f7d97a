/** How long nodes were without a session. */
import { stallsOf } from './stalls.js';
import { groupedBy, type History, ofKind } from './steps.js';

/** The times from the end of a broken stream to the next Welcome of the same process, in milliseconds of the running run. */
export function backTimes(history: History): number[] {
  const instances = new Map(ofKind(history, 'hello').map((step) => [step.stream, step.instance]));
  const welcomes = groupedBy(ofKind(history, 'welcome'), ({ stream }) => instances.get(stream));
  const stalledMs = stallsOf(history);
  return ofKind(history, 'closed').flatMap(({ stream, reason, atMs }) => {
    const mine = welcomes.get(instances.get(stream)) ?? [];
    const wasOpen = mine.some((one) => one.stream === stream);
    const next = mine.find((one) => one.atMs > atMs);
    if (reason === undefined || !wasOpen || !next) return [];
    return [next.atMs - atMs - stalledMs(atMs, next.atMs)];
  });
}

/** 0 without values. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return Math.round(sorted[Math.ceil(sorted.length * part) - 1] ?? 0);
}
