/** Publishing by a call: it stores all events or none, and each event once if the caller numbers them. */
import type {
  PublishEventsRequest,
  PublishEventsResponse,
} from '../../gen/ts/kelpie/v1/event_service.js';
import type { Clock } from '../core/clock.js';
import { ID_BYTES } from '../core/cursor.js';
import { KelpieError } from '../core/errors.js';
import type { Outcome, Transaction } from '../journal/journal.js';
import type { Limits } from '../network/limits.js';
import type { Network } from '../network/network.js';
import { draftEntry, encodeDrafts } from './drafts.js';
import { producerOf, storedAlready } from './numbering.js';

export class CallPublisher {
  readonly #network: Network;
  readonly #limits: Limits;
  readonly #clock: Clock;

  constructor(network: Network, limits: Limits, clock: Clock) {
    this.#network = network;
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Stores the events. Throws the errors that the contract lists at PublishEvents. */
  async publish({
    events,
    instanceId,
    firstPublishSequence: first,
  }: PublishEventsRequest): Promise<PublishEventsResponse> {
    const time = new Date(this.#clock.wall());
    const drafts = encodeDrafts(events, this.#limits);
    const entries = drafts.map((draft) => draftEntry(draft, '', time, this.#limits));
    if (instanceId.length === 0 && first === 0) {
      return answerOf(await this.#store({ entries }), entries.length);
    }
    checkInstance(instanceId);
    const numbered = { first, count: entries.length };
    storedAlready(numbered);
    const last = (await this.#network.journal.producer(instanceId)) ?? 0;
    // The journal decides about a hole: after the end of an epoch it may have forgotten the last numbers.
    let next = Math.max(first, last + 1);
    // Another call of the same instance may store events meanwhile. The loop ends, because the number only grows.
    for (;;) {
      const stored = storedAlready(numbered, next);
      const fresh = entries.slice(stored);
      if (fresh.length === 0) return { firstSequence: 0, stored: 0 };
      const producer = producerOf(instanceId, numbered, stored);
      const outcome = await this.#store({ entries: fresh, producer });
      if (outcome.kind !== 'producerAt') return answerOf(outcome, fresh.length);
      next = outcome.sequence + 1;
    }
  }

  /** Throws PUBLISH_LIMIT if the backlog is full. Calls do not wait, because nothing would bound waiting calls. */
  #store(transaction: Transaction): Promise<Outcome> {
    if (!this.#network.backlog.closed) return this.#network.commit(transaction);
    const message =
      'too many events wait for the journal; it stored none of these; try again later';
    const metadata = { limit: String(this.#limits.backlogBytes) };
    throw new KelpieError('PUBLISH_LIMIT', message, metadata, { retryAfterMs: 1000 });
  }
}

function answerOf(outcome: Outcome, stored: number): PublishEventsResponse {
  if (outcome.kind === 'stored') return { firstSequence: outcome.first, stored };
  throw new Error('a publish that requires nothing was refused');
}

function checkInstance(instanceId: Uint8Array): void {
  if (instanceId.length !== ID_BYTES) {
    throw new KelpieError(
      'INSTANCE_ID_INVALID',
      `instance_id has ${instanceId.length} bytes; draw ${ID_BYTES} random bytes, or send neither it nor first_publish_sequence`,
    );
  }
}
