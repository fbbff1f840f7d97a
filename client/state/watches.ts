/**
 * Watches of shared values. A watch gives its handler the values that are there, and then each change. It follows
 * the sequences of the values, so that repeated Snapshots and lost events cause no false change: after a Gap, the
 * Snapshot decides which values are there.
 */
import type { Event, StateValue } from '../../gen/ts/kelpie/v1/event.js';
import { type Gap, GapReason, type Snapshot } from '../../gen/ts/kelpie/v1/stream.js';
import { patternOf, topicOf, type ValuePlace } from '../core/value-place.js';
import { endedValueOf, valueOf } from '../events/shared-value.js';
import { type ValueHandler, Watch } from './watch.js';

/** A watch that runs. */
export interface ValueWatch {
  /** Resolves when the handler got, or is about to get, all values that are there; also at the end of the client. */
  readonly loaded: Promise<void>;
  /** No further change reaches the handler. Safe to call again. */
  close(): void;
}

/** The functions that watches get from the client. */
export interface WatchesOptions {
  /** Reads a topic from now on. */
  readonly want: (pattern: string) => void;
  readonly unwant: (pattern: string) => void;
  /** Asks for a Snapshot of topics that the stream reads already. Does nothing while no session is open. */
  readonly requestSnapshot: (patterns: readonly string[]) => void;
  readonly onFailure: (pattern: string, error: unknown) => void;
}

export class Watches {
  readonly #options: WatchesOptions;
  readonly #byPattern = new Map<string, Set<Watch>>();
  /** The topics of the Hello whose Snapshot is still to come. */
  #awaited: ReadonlySet<string> = new Set();

  constructor(options: WatchesOptions) {
    this.#options = options;
  }

  /** @param onLoaded called after each Snapshot of the pattern, with its position */
  add(
    pattern: string,
    handler: ValueHandler,
    onLoaded: (sequence: number) => void = () => undefined,
  ): ValueWatch {
    const { want, unwant, requestSnapshot, onFailure } = this.#options;
    want(pattern);
    const fail = (error: unknown): void => onFailure(pattern, error);
    const watch = new Watch(handler, onLoaded, fail);
    const same = this.#byPattern.get(pattern) ?? new Set();
    this.#byPattern.set(pattern, same.add(watch));
    requestSnapshot([pattern]);
    const close = (): void => {
      watch.close();
      if (!same.delete(watch)) return;
      if (same.size === 0) this.#byPattern.delete(pattern);
      unwant(pattern);
    };
    return { loaded: watch.loaded, close };
  }

  /** A new stream begins. `loading`: it begins with a Snapshot of its topics. */
  restart(topics: readonly string[], loading: boolean): void {
    this.#awaited = new Set(loading ? topics : []);
    for (const watch of this.#all()) watch.interrupt();
  }

  /** The session is open: asks for each Snapshot that would not come otherwise. */
  begin(): void {
    const missing = [...this.#byPattern].filter(
      ([pattern, watches]) =>
        !this.#awaited.has(pattern) && [...watches].some(({ complete }) => !complete),
    );
    if (missing.length > 0) this.#options.requestSnapshot(missing.map(([pattern]) => pattern));
  }

  applySnapshot({ cursor, topics, rows, complete }: Snapshot): void {
    if (cursor) {
      const answered = topics.flatMap((topic) => [...(this.#byPattern.get(topic) ?? [])]);
      for (const watch of answered) watch.begin(cursor.sequence);
    }
    for (const { sequence, resource } of rows) {
      if (resource?.$case === 'state') this.#put(resource.value, sequence);
    }
    if (complete) for (const watch of this.#all()) watch.finish();
  }

  applyEvent({ body, sequence }: Event): void {
    const changes = body?.$case === 'stateChanged' || body?.$case === 'stateDeleted';
    if (this.#byPattern.size === 0 || !changes || !body.value.value) return;
    if (body.$case === 'stateChanged') return this.#put(body.value.value, sequence);
    const end = endedValueOf(body.value, sequence);
    for (const watch of this.#watchesOf(end)) watch.end(end);
  }

  #put(value: StateValue, sequence: number): void {
    for (const watch of this.#watchesOf(value)) watch.put(valueOf(value, sequence));
  }

  applyGap({ reason }: Gap): void {
    if (reason === GapReason.TRIMMED) return;
    for (const watch of this.#all()) watch.outdate();
  }

  /** No change reaches a handler any more. */
  close(): void {
    for (const watch of this.#all()) watch.close();
    this.#byPattern.clear();
  }

  *#all(): Generator<Watch> {
    for (const watches of this.#byPattern.values()) yield* watches;
  }

  *#watchesOf(place: ValuePlace): Generator<Watch> {
    for (const pattern of [topicOf(place), patternOf(place.bucket)]) {
      yield* this.#byPattern.get(pattern) ?? [];
    }
  }
}
