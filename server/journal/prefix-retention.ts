/** The usage of topics with a retention of their own, and the check of their limits. For every engine. */
import { isUnder } from '../topics/topic.js';
import type { TopicRetention, Usage } from './journal.js';

/** The last entry that was removed early. `latestMs`: the latest time of it and of all entries before it. */
export interface Removed {
  readonly sequence: number;
  readonly tag: number;
  readonly latestMs: number;
}

export class TopicBudget {
  readonly limits: TopicRetention;
  entries = 0;
  bytes = 0;
  removed: Removed | undefined;

  constructor(limits: TopicRetention) {
    this.limits = limits;
  }

  get prefix(): string {
    return this.limits.prefix;
  }

  takes(topic: string): boolean {
    return isUnder(topic, this.prefix);
  }

  count(entries: number, bytes: number): void {
    this.entries += entries;
    this.bytes += bytes;
  }

  /** Whether the topic holds too much, so that its oldest entry must go. `ageMs` gives the age of that entry. */
  over(ageMs: () => number): boolean {
    const { limits } = this;
    if (this.entries === 0) return false;
    if (this.entries > (limits.entries ?? Infinity)) return true;
    if (this.bytes > (limits.bytes ?? Infinity)) return true;
    return limits.ageMs !== undefined && ageMs() > limits.ageMs;
  }

  usage(): Usage['own'][number] {
    const { limits, entries, bytes } = this;
    return { limits, entries, bytes };
  }
}

/**
 * The position from which a reader begins that wants entries of `atMs` and later. `position` is the last entry in
 * the log that is too old. The result also lies after entries that were removed early and were too old too, so
 * that the reader's page names only losses that the reader wanted.
 */
export function afterOld(
  position: Omit<Removed, 'latestMs'>,
  removed: readonly (Removed | undefined)[],
  atMs: number,
): Omit<Removed, 'latestMs'> {
  let last = position;
  for (const one of removed) {
    if (!one || one.latestMs >= atMs || one.sequence <= last.sequence) continue;
    last = { sequence: one.sequence, tag: one.tag };
  }
  return last;
}
