/** Counts the log, and finds the entries that are over a limit of retention. */
import type { Position, State } from './state.js';
import { type OwnState, withoutLimits } from './own.js';
import type { Store } from './store.js';
import { DecidedLog, type Kept, Walk } from './walk.js';
import type { Retention } from '../journal.js';
import { TopicBudget } from '../prefix-retention.js';

/**
 * How many entries one call of `append` may remove: more than it adds, and few enough that the call stays short even
 * if the whole log became too old while the coordinator was down.
 */
const AT_ONCE = 10_000;
/**
 * A call looks at this many entries, plus two for each added entry, to find the oldest entries of a topic with a
 * retention of its own. Two for each, so that the search catches up with the log.
 */
const LOOKS = 256;

/** A topic with a retention of its own, and the place in the log that its search has reached. */
class OwnEntries extends TopicBudget {
  readonly walk: Walk;

  constructor(
    limits: TopicBudget['limits'],
    { entries, bytes, removed }: OwnState,
    log: DecidedLog,
  ) {
    super(limits);
    this.count(entries, bytes);
    this.removed = removed;
    this.walk = new Walk(log, removed?.sequence ?? 0);
  }

  get state(): OwnState {
    const { prefix, entries, bytes, removed } = this;
    return { prefix, counted: true, entries, bytes, removed };
  }
}

export class FileRetention {
  readonly #limits: Retention;
  readonly #log: DecidedLog;
  readonly #oldest: Walk;
  readonly #own: readonly OwnEntries[];
  /** Topics that had a retention of their own in former settings. */
  readonly #former: readonly OwnState[];
  readonly #changed = new Set<OwnEntries>();
  #added = 0;
  /** The position before the oldest entry. */
  floor: Position;
  entries: number;
  bytes: number;

  /** The state must match the limits, see `settle.ts`. */
  constructor(store: Store, state: State, limits: Retention) {
    this.#limits = limits;
    this.#log = new DecidedLog(store, state.newest.sequence);
    this.#oldest = new Walk(this.#log, state.floor.sequence);
    this.#former = withoutLimits(state.own, limits.topics);
    this.#own = state.own.flatMap((own) => {
      const found = limits.topics?.find(({ prefix }) => prefix === own.prefix);
      return found ? [new OwnEntries(found, own, this.#log)] : [];
    });
    this.floor = state.floor;
    this.entries = state.entries;
    this.bytes = state.bytes;
  }

  /** The usage and the holes of the topics that have, or had, a retention of their own. */
  get own(): readonly OwnState[] {
    return [...this.#own.map(({ state }) => state), ...this.#former];
  }

  /** The topics that have changed since the last call. */
  takeChanged(): OwnState[] {
    const changed = [...this.#changed].map(({ state }) => state);
    this.#changed.clear();
    return changed;
  }

  add(kept: Kept): void {
    this.#log.add(kept);
    this.#added += 1;
    this.#count(1, kept, this.#ownOf(kept));
  }

  shown(sequence: number): void {
    this.#log.shown(sequence);
  }

  /**
   * Subtracts the entries that are over a limit from the counts and yields them, oldest first, at most AT_ONCE. If the
   * calendar clock was set back, entries with a time in the future have no age until the clock has caught up; the
   * other limits hold.
   */
  *over(nowMs: number): Iterable<Kept> {
    const looks = LOOKS + 2 * this.#added;
    this.#added = 0;
    for (const own of this.#own) yield* this.#ownOver(own, nowMs, looks);
    yield* this.#oldestOver(nowMs);
  }

  *#ownOver(own: OwnEntries, nowMs: number, looks: number): Iterable<Kept> {
    for (let looked = 0; looked < looks; looked++) {
      // Checked before the log is read, because usually no limit is exceeded.
      if (own.limits.ageMs === undefined && !own.over(() => 0)) return;
      const kept = own.walk.current;
      if (!kept) return;
      if (own.takes(kept.topic) && !this.#isGone(kept, own)) {
        if (!own.over(() => nowMs - kept.atMs)) return;
        own.removed = kept;
        this.#count(-1, kept, own);
        yield kept;
      }
      own.walk.step();
    }
  }

  *#oldestOver(nowMs: number): Iterable<Kept> {
    const { entries, bytes, ageMs } = this.#limits;
    for (let taken = 0; taken < AT_ONCE; taken++) {
      const kept = this.#oldest.current;
      if (!kept) return;
      const own = this.#ownOf(kept);
      if (!this.#isGone(kept, own)) {
        if (this.entries <= entries && this.bytes <= bytes && nowMs - kept.atMs <= ageMs) return;
        this.floor = { sequence: kept.sequence, tag: kept.tag };
        this.#count(-1, kept, own);
        yield kept;
      }
      this.#oldest.step();
    }
  }

  /** Whether the entry was removed after it was read. Each topic, and the log, loses its oldest entry first. */
  #isGone({ sequence }: Kept, own: OwnEntries | undefined): boolean {
    return sequence <= this.floor.sequence || sequence <= (own?.removed?.sequence ?? 0);
  }

  #count(one: 1 | -1, { bytes }: Kept, own: OwnEntries | undefined): void {
    this.entries += one;
    this.bytes += one * bytes;
    own?.count(one, one * bytes);
    if (own) this.#changed.add(own);
  }

  #ownOf({ topic }: Kept): OwnEntries | undefined {
    return this.#own.find((own) => own.takes(topic));
  }
}
