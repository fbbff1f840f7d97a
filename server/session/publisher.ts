/**
 * The publishing side of a session. Publish sequences make sure that each event is stored once, however often
 * it is sent. The coordinator acknowledges stored events again, cuts an overlap, and refuses a hole.
 */
import { type Publish, PublishRejection } from '../../gen/ts/kelpie/v1/session_service.js';
import { Code, KelpieError } from '../core/errors.js';
import type { Access } from '../access/access.js';
import { checkPublish } from '../access/table.js';
import { draftEntry, type EncodedDraft, encodeDrafts } from '../events/drafts.js';
import { holeError, producerOf, storedAlready } from '../events/numbering.js';
import type { Clock } from '../core/clock.js';
import type { Limits } from '../network/limits.js';
import type { Network } from '../network/network.js';
import { notOwner } from '../nodes/rows.js';
import type { Draft, Outcome, Producer, Requirement, Transaction } from '../journal/journal.js';
import { type Frame, wireError } from '../delivery/frames.js';
import { Latch } from '../core/latch.js';

/** The session that publishes. */
export interface PublisherOptions {
  readonly network: Pick<Network, 'commit' | 'behind' | 'readOnly' | 'ended'>;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly name: string;
  readonly instance: Uint8Array;
  readonly access: Access;
  /** Every write in the name of the session must require it. */
  readonly fence: Requirement;
  /** The highest number of this instance that the journal has stored. */
  readonly stored: number | undefined;
  readonly wake: () => void;
}

/** Events and bytes in flight to the journal, above which the publisher takes no more. */
const IN_FLIGHT_EVENTS = 4096;
const IN_FLIGHT_BYTES = 2 * 1024 * 1024;
/** The same for rejections that the publisher has not fetched. */
const PENDING_REJECTIONS = 1024;
const PENDING_REJECTION_BYTES = 256 * 1024;

/** A publish, when its events are judged. */
interface Parts {
  readonly entries: Draft[];
  readonly rejections: PublishRejection[];
  /** The publish before this one. */
  readonly before: Promise<void>;
}

export class Publisher {
  readonly #options: PublisherOptions;
  /** The number that the next event must have; undefined: any above those settled, and the journal decides. */
  #next: number | undefined;
  #settled = 0;
  /** The first write of the session. */
  #first: Promise<Outcome> | undefined;
  /** The writes that wait for it. */
  #behind = 0;
  /** Whether the journal has the number of that write, and so refuses a hole after it. */
  #isExact = false;
  /** The number that the journal has when all that is under way is stored; undefined: any. */
  #expected: number | undefined;
  /** Nobody knows whether the journal has this number or one above it, below that of the next event. */
  #isUnsure = false;
  /** Counts how often the journal did not store what was under way: then `#expected` goes back. */
  #setbacks = 0;
  /** The newest publish. */
  #last: Promise<void> = Promise.resolve();
  /** Publishes that were not stored, behind publishes of which nobody knows that yet. */
  #held = 0;
  #rejections: PublishRejection[] = [];
  #rejectionBytes = 0;
  #unacknowledged = false;
  #inFlightEvents = 0;
  #inFlightBytes = 0;
  readonly #room = new Latch();

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#settled = options.stored ?? 0;
  }

  /**
   * Takes a publish. Throws at once if it refuses the whole publish; rejects with errors that leave the events unsettled
   * (STALE_GENERATION, JOURNAL_READ_ONLY, EPOCH_ENDED; with the last two OUTCOME_UNKNOWN too). While the storage is away,
   * events are settled as rejected, and the session stays: with ENGINE_UNAVAILABLE if they are certainly not stored, with
   * OUTCOME_UNKNOWN if nobody knows.
   */
  publish(request: Publish): Promise<void> {
    const drafts = encodeDrafts(request.events, this.#options.limits);
    const first = request.firstPublishSequence;
    const numbered = { first, count: drafts.length };
    // After the end of an epoch the journal may have forgotten the last numbers, which are settled for the publisher.
    const stored = storedAlready(numbered, this.#next ?? Math.max(first, this.#settled + 1));
    const fresh = drafts.slice(stored);
    if (fresh.length === 0) {
      this.#acknowledge();
      return Promise.resolve();
    }
    const producer = producerOf(this.#options.instance, numbered, stored);
    const begin = producer.previous + 1;
    const { entries, rejections } = this.#judge(fresh, begin);
    const previous = this.#expected ?? producer.previous;
    this.#expected = producer.last;
    this.#next = producer.last + 1;
    const parts = { entries, rejections, before: this.#last };
    this.#last = this.#store({ ...producer, previous }, begin, parts);
    return this.#last;
  }

  #judge(
    drafts: EncodedDraft[],
    first: number,
  ): { entries: Draft[]; rejections: PublishRejection[] } {
    const { clock, limits, name, access } = this.#options;
    const time = new Date(clock.wall());
    const entries: Draft[] = [];
    const rejections: PublishRejection[] = [];
    drafts.forEach((draft, index) => {
      try {
        const entry = draftEntry(draft, name, time, limits);
        checkPublish(entry.topic, access);
        entries.push(entry);
      } catch (error) {
        // The credential has ended, and the stream will: nothing is settled.
        if (!(error instanceof KelpieError) || error.code === Code.UNAUTHENTICATED) throw error;
        rejections.push({ publishSequence: first + index, error: wireError(error) });
      }
    });
    return { entries, rejections };
  }

  async #store(
    producer: Producer,
    first: number,
    { entries, rejections, before }: Parts,
  ): Promise<void> {
    const setbacks = this.#setbacks;
    const count = producer.last - first + 1;
    const bytes = entries.reduce((sum, { event }) => sum + event.length, 0);
    this.#inFlightEvents += count;
    this.#inFlightBytes += bytes;
    try {
      const require = [this.#options.fence];
      const outcome = await this.#commit({ require, producer, entries }, first);
      // One that was under way before it was not stored either.
      if (outcome.kind === 'producerAt' && setbacks < this.#setbacks) throw notStored();
      if (outcome.kind !== 'stored') throw this.#refused(outcome);
      if (this.#held > 0) await settledOf(before);
      this.#settle(producer.last, rejections);
    } catch (error) {
      if (!this.#isAway(error)) throw error;
      if (setbacks === this.#setbacks) this.#setBack(producer.previous, error);
      // An acknowledgement covers all events before it, so it waits until those are settled.
      this.#held += 1;
      await settledOf(before).finally(() => (this.#held -= 1));
      this.#settle(producer.last, withAll(rejections, first, producer.last, error));
    } finally {
      this.#inFlightEvents -= count;
      this.#inFlightBytes -= bytes;
      this.#room.open();
    }
  }

  /** Whether the storage is away. A journal that stores nothing more leaves the events unsettled, for the next stream. */
  #isAway(error: unknown): error is KelpieError {
    const { readOnly, ended } = this.#options.network;
    if (!(error instanceof KelpieError) || ended) return false;
    return (
      error.reason === 'ENGINE_UNAVAILABLE' || (error.reason === 'OUTCOME_UNKNOWN' && !readOnly)
    );
  }

  /** Nothing was stored, or nobody knows: the journal has this number, or then one of those up to the next event. */
  #setBack(expected: number, { reason }: KelpieError): void {
    this.#setbacks += 1;
    this.#expected = expected;
    this.#first = undefined;
    if (reason !== 'OUTCOME_UNKNOWN') return;
    this.#isUnsure = true;
    this.#isExact = false;
  }

  #settle(upTo: number, rejections: readonly PublishRejection[]): void {
    // A write that waited for the first one resolves some turns late, perhaps after the write behind it.
    this.#settled = Math.max(this.#settled, upTo);
    for (const rejection of rejections) this.#reject(rejection);
    this.#acknowledge();
  }

  /**
   * Later writes wait for the first one, and for the first one after a write of which nobody knows whether it is stored.
   * The journal takes any number of an instance that it does not know, so it would store a later publish although the
   * first one failed. `begin` is the number of the first event.
   */
  #commit(transaction: Transaction, begin: number): Promise<Outcome> {
    const { network } = this.#options;
    // Those that still wait go first.
    if (this.#isExact && this.#behind === 0) return network.commit(transaction);
    if (this.#first) return this.#commitBehind(this.#first, transaction);
    return (this.#first = this.#commitFirst(transaction, begin));
  }

  async #commitBehind(first: Promise<Outcome>, transaction: Transaction): Promise<Outcome> {
    const { network } = this.#options;
    this.#behind += 1;
    try {
      const outcome = await network.behind(first, transaction);
      if (outcome.kind !== 'stored') return outcome;
    } catch (error) {
      throw this.#isAway(error) ? notStored() : error;
    } finally {
      this.#behind -= 1;
    }
    return network.commit(transaction);
  }

  async #commitFirst(transaction: Transaction, begin: number): Promise<Outcome> {
    const { network } = this.#options;
    let outcome = await network.commit(transaction);
    const { producer } = transaction;
    let at = producer?.previous ?? 0;
    // The journal has events of which nobody knew. It may get further ones meanwhile, up to this event.
    while (this.#isUnsure && producer && outcome.kind === 'producerAt') {
      const previous = outcome.sequence;
      if (previous <= at || previous >= begin) break;
      outcome = await network.commit({ ...transaction, producer: { ...producer, previous } });
      at = previous;
    }
    this.#isExact = outcome.kind !== 'conflict';
    this.#isUnsure = false;
    return outcome;
  }

  /** The owner of the node gets the second one only for a hole: each Hello reads the number after it has the name. */
  #refused(outcome: Exclude<Outcome, { kind: 'stored' }>): KelpieError {
    if (outcome.kind === 'conflict') return notOwner(this.#options);
    // Events that were rejected are settled, although the journal has lower numbers.
    this.#next = Math.max(outcome.sequence, this.#settled) + 1;
    this.#expected = outcome.sequence;
    return holeError(this.#next);
  }

  #reject(rejection: PublishRejection): void {
    this.#rejections.push(rejection);
    this.#rejectionBytes += PublishRejection.encode(rejection).finish().length;
  }

  #acknowledge(): void {
    this.#unacknowledged = true;
    this.#options.wake();
  }

  /** The newest acknowledgement, if there is one to send. */
  takeAck(): Frame | undefined {
    if (!this.#unacknowledged) return undefined;
    this.#unacknowledged = false;
    const rejections = this.#rejections;
    this.#rejections = [];
    this.#rejectionBytes = 0;
    this.#room.open();
    return { $case: 'publishAck', value: { publishSequence: this.#settled, rejections } };
  }

  /** Resolves when there may be room again; undefined if there is. */
  room(): Promise<void> | undefined {
    const inFlight =
      this.#inFlightEvents >= IN_FLIGHT_EVENTS || this.#inFlightBytes >= IN_FLIGHT_BYTES;
    const rejected =
      this.#rejections.length >= PENDING_REJECTIONS ||
      this.#rejectionBytes >= PENDING_REJECTION_BYTES;
    return inFlight || rejected ? this.#room.wait() : undefined;
  }
}

/** Resolves when a publish is settled, or refused as a whole. Rejects if nobody will know whether it is stored. */
function settledOf(publish: Promise<void>): Promise<void> {
  return publish.catch((error: unknown) => {
    if (error instanceof KelpieError && error.reason === 'OUTCOME_UNKNOWN') throw error;
  });
}

/** Rejections for all events from one number to another: those that there are, and the error for the others. */
function withAll(
  rejections: readonly PublishRejection[],
  first: number,
  last: number,
  error: KelpieError,
): PublishRejection[] {
  const given = new Map(rejections.map((one) => [one.publishSequence, one]));
  const detail = wireError(error);
  return Array.from({ length: last - first + 1 }, (_, index) => {
    const publishSequence = first + index;
    return given.get(publishSequence) ?? { publishSequence, error: detail };
  });
}

function notStored(): KelpieError {
  const message = 'the storage of the network was away for an earlier event; nothing was stored';
  return new KelpieError('ENGINE_UNAVAILABLE', message, {}, { retryAfterMs: 1000 });
}
