/** What topics with a retention of their own hold, and whether that is too much. For every engine. */
import { isUnder } from '../topics/topic.js';
import type { TopicRetention, Usage } from './journal.js';

/** The last entry that was removed early, and the latest time that it and all before it had. */
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

  /** Whether its oldest entry, which is so old, is one too many. */
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
 * Where reading begins if it begins after `position`, the last one that is too old: after the removed
 * entries that are too old as well, so that a reader is told of those alone that are not.
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
