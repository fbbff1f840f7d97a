/**
 * Brings the entries of all writers into one order, whichever way they come: from an own call, from the channel, or
 * from the stream. Each entry reaches the listeners once. The tag of the call before shows that none was replaced.
 */
import type { Entry } from '../journal.js';
import { TopicGroups } from '../topic-groups.js';
import type { Effects, Position, Run, Snapshot } from './run.js';

/** Runs that wait for earlier ones. If there are more, they are dropped: the stream has them. */
const WAITING = 256;

export interface FollowerEvents {
  /** The entries are the next ones. */
  readonly onEntries: (entries: readonly Entry[]) => void;
  /** The follower has passed entries. */
  readonly onAdvance: () => void;
  /** An entry up to this sequence is missing; others may bring it, or the stream has it. */
  readonly onHole: (upTo: number) => void;
  /** The next entries do not follow the ones before: history was replaced. */
  readonly onBroken: () => void;
}

export class Follower {
  readonly #events: FollowerEvents;
  readonly #waiting = new Map<number, Run>();
  readonly groups: TopicGroups;
  /** The last entry that listeners have. */
  head: Position;
  /** Ends and counts as of about the head. */
  effects: Omit<Effects, 'removed'>;
  #broken = false;

  constructor({ head, effects, groups }: Snapshot, events: FollowerEvents) {
    this.#events = events;
    this.head = head;
    this.effects = effects;
    this.groups = TopicGroups.stored(groups);
  }

  /** Takes runs in any order, also again. */
  offer(run: Run): void {
    if (this.#broken || run.last <= this.head.sequence) return;
    if (run.first > this.head.sequence + 1 || !run.entries) {
      if (this.#waiting.size >= WAITING) this.#waiting.clear();
      if (run.entries) this.#waiting.set(run.first, run);
      this.#events.onHole(run.last);
      return;
    }
    for (let next: Run | undefined = run; next; next = this.#next()) this.#take(next);
    this.#events.onAdvance();
    const waiting = [...this.#waiting.values()].map(({ last }) => last);
    if (waiting.length > 0) this.#events.onHole(Math.max(...waiting));
  }

  /** A waiting run that is the next one. Drops those that are passed. */
  #next(): Run | undefined {
    const { sequence } = this.head;
    let found = this.#waiting.get(sequence + 1);
    if (!found) {
      for (const [first, run] of this.#waiting) {
        if (run.last <= sequence) this.#waiting.delete(first);
        else if (first <= sequence) found = run;
      }
    }
    if (found) this.#waiting.delete(found.first);
    return found;
  }

  #take(run: Run): void {
    const { head } = this;
    if (run.previousTag !== head.tag && run.tag !== head.tag) {
      this.#broken = true;
      this.#waiting.clear();
      this.#events.onBroken();
      return;
    }
    const skipped = head.sequence + 1 - run.first;
    const entries = run.entries?.() ?? [];
    for (const [group, count, bytes] of run.uses(skipped)) this.groups.add(group, count, bytes);
    if (run.effects) {
      this.effects = run.effects;
      for (const [group, count, bytes] of run.effects.removed)
        this.groups.add(group, -count, -bytes);
    }
    this.head = { sequence: run.last, tag: run.tag };
    this.#events.onEntries(skipped > 0 ? entries.slice(skipped) : entries);
  }
}
