/** The events that a node reads: for its handlers, for its roster, and for its position. */
import type { Cursor, Start } from '../gen/ts/kelpie/v1/cursor.js';
import type { NamedLoad } from '../gen/ts/kelpie/v1/session_service.js';
import type { EventBatch, Gap, Snapshot } from '../gen/ts/kelpie/v1/stream.js';
import { Backlog } from './events/backlog.js';
import type { Clock } from './core/clock.js';
import { fromThrown, KelpieError } from './errors.js';
import { SavedState } from './files/saved.js';
import type { ConnectOptions } from './options.js';
import { Position } from './events/position.js';
import { Roster } from './roster/roster.js';
import type { ValueHandler } from './state/watch.js';
import { type ValueWatch, Watches } from './state/watches.js';
import type { Status } from './status.js';
import { type Handler, type Subscription, Subscriptions } from './events/subscriptions.js';

/** Called about the topics that a node reads. */
export interface ReadingTopics {
  /** The topics have changed. */
  readonly onTopics: () => void;
  /** These topics need a Snapshot, if a session is open. */
  readonly onMissing: (topics: readonly string[]) => void;
}

export class Reading {
  readonly roster: Roster;
  readonly #values: Watches;
  readonly #excludesOwn: boolean;
  /** Whether the Snapshot on its way answers topics of the roster. */
  #ofRoster = false;
  readonly #subscriptions: Subscriptions;
  readonly #position: Position;
  readonly #saved: SavedState;
  readonly #backlog = new Backlog();

  /** Throws FILE_INVALID or OUT_OF_RANGE. */
  constructor(
    options: ConnectOptions,
    clock: Clock,
    post: (status: Status) => void,
    { onTopics, onMissing }: ReadingTopics,
  ) {
    const onFile = (path: string, error: unknown): void =>
      post({ type: 'fileFailed', path, error });
    this.#saved = new SavedState(options, clock, onFile);
    this.#position = new Position(options.start ?? 'SNAPSHOT', this.#saved.cursor);
    const players = options.roster?.players ?? false;
    if (players && options.excludeOwn) throw rosterMissesOwn();
    const onChange = (): void => this.#saved.rosterChanged(this.roster);
    this.roster = new Roster({ players, onChange, clock });
    const onFailure = (pattern: string, error: unknown): void =>
      post({ type: 'handlerFailed', pattern, error });
    this.#subscriptions = new Subscriptions({
      clock,
      handlerTimeoutMs: options.handlerTimeoutMs ?? 10_000,
      node: options.name,
      onPatterns: onTopics,
      onFailure,
    });
    this.#excludesOwn = options.excludeOwn ?? false;
    this.#values = new Watches({
      want: (pattern) => this.#subscriptions.want(pattern),
      unwant: (pattern) => this.#subscriptions.unwant(pattern),
      requestSnapshot: onMissing,
      onFailure,
    });
    for (const topic of this.roster.topics) this.#subscriptions.want(topic);
    this.#saved.restore(this.roster);
  }

  subscribe(pattern: string, handler: Handler): Subscription {
    return this.#subscriptions.add(pattern, handler);
  }

  /** Watches shared values. Throws OUT_OF_RANGE for a node that does not get its own changes. */
  watch(pattern: string, handler: ValueHandler, onLoaded?: (sequence: number) => void): ValueWatch {
    if (this.#excludesOwn) throw watchMissesOwn();
    return this.#values.add(pattern, handler, onLoaded);
  }

  /** All topics that the handlers, the watches and the roster read. */
  get topics(): string[] {
    return this.#subscriptions.patterns;
  }

  /** Whether the node waits for the end of a Snapshot. */
  get loading(): boolean {
    return this.#position.loading;
  }

  /** A new stream begins. Returns its topics and its start. */
  restart(): { topics: string[]; start: Start } {
    const { topics } = this;
    const start = this.#position.restart();
    this.#values.restart(topics, this.#position.loading);
    return { topics, start };
  }

  /** Whether the roster must ask for a Snapshot itself, because reading did not start with one. */
  get unloaded(): boolean {
    return !this.roster.complete && !this.#position.loading;
  }

  /** Resolves when the batch is handled; undefined if it is handled already. Throws PROTOCOL if events are missing. */
  take(batch: EventBatch): Promise<unknown> | undefined {
    if (!this.#backlog.full) return this.#take(batch);
    return new Promise((resolve, reject) => {
      this.#backlog.inOrder(() => {
        try {
          resolve(this.#take(batch));
        } catch (error) {
          reject(fromThrown(error));
        }
      });
    });
  }

  #take(batch: EventBatch): Promise<unknown> | undefined {
    const { afterSequence, upTo, events } = batch;
    const position = this.#position.sequence;
    if (afterSequence > position) {
      const message = `a batch begins after ${afterSequence}, but the events after ${position} are missing`;
      throw new KelpieError('PROTOCOL', message);
    }
    const handling: Promise<unknown>[] = [];
    for (const event of events) {
      if (event.sequence <= position) continue;
      this.roster.applyEvent(event);
      this.#values.applyEvent(event);
      const handled = this.#subscriptions.deliver(event);
      if (handled) handling.push(handled);
    }
    if (!upTo) return undefined;
    this.#position.reach(upTo);
    const piece = this.#saved.received(upTo);
    if (handling.length === 0) {
      this.#saved.processed(piece);
      return undefined;
    }
    this.#backlog.begin(batch);
    return Promise.all(handling).then(() => {
      this.#saved.processed(piece);
      this.#backlog.end(batch);
    });
  }

  /** The session is open, and reading starts at this cursor. */
  begin(cursor: Cursor | undefined): void {
    this.#backlog.restart();
    if (cursor) this.#position.reach(cursor);
    this.#keep();
  }

  /** The topics of the stream are complete: asks for the Snapshots of watches that would not come otherwise. */
  requestMissing(): void {
    this.#values.begin();
  }

  /** Stores the position for the next process, also before the first event. */
  #keep(): void {
    const { resume } = this.#position;
    if (resume) this.#saved.processed(this.#saved.received(resume));
  }

  /** The node has no further events up to this cursor. */
  reach(cursor: Cursor): void {
    this.#backlog.inOrder(() => {
      if (this.#position.reach(cursor)) this.#saved.processed(this.#saved.received(cursor));
    });
  }

  load(part: Snapshot, graceMs: number): void {
    this.#backlog.inOrder(() => {
      this.#position.load(part);
      if (part.cursor) this.#ofRoster = this.#answersRoster(part);
      if (this.#ofRoster) this.roster.applySnapshot(part, graceMs);
      this.#values.applySnapshot(part);
      if (part.complete) this.#keep();
    });
  }

  lose(gap: Gap): void {
    this.#backlog.inOrder(() => {
      // A gap of some topics only: the events of all other topics still come.
      if (gap.topics.length === 0) this.#position.lose(gap);
      this.roster.applyGap(gap);
      this.#values.applyGap(gap);
    });
  }

  /** A Snapshot that a watch asked for has no nodes, so the roster must not lose its own. */
  #answersRoster({ topics }: Snapshot): boolean {
    return topics.length === 0 || this.roster.topics.some((topic) => topics.includes(topic));
  }

  loads(loads: readonly NamedLoad[]): void {
    this.roster.applyLoads(loads);
  }

  /** Ends the handlers and writes the files. Resolves when no file is open any more. */
  close(): Promise<void> {
    this.#subscriptions.close();
    this.roster.close();
    this.#values.close();
    return this.#saved.close();
  }
}

function watchMissesOwn(): KelpieError {
  const message = 'with excludeOwn a watch or a lock would not see the own writes of this node';
  return new KelpieError('OUT_OF_RANGE', message, { permanent: true });
}

function rosterMissesOwn(): KelpieError {
  const message =
    'with excludeOwn the roster would not see the own players of this node leave; use excludeOwn or roster.players, not both';
  return new KelpieError('OUT_OF_RANGE', message, { permanent: true });
}
