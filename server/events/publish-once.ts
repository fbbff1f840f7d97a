/** Publishing by a call: all events or none, and each once if the caller numbers them. */
import type {
  PublishEventsRequest,
  PublishEventsResponse,
} from '../../gen/ts/kelpie/v1/event_service.js';
import { ID_BYTES } from '../core/cursor.js';
import { KelpieError } from '../core/errors.js';
import type { Outcome, Transaction } from '../journal/journal.js';
import { checkNumbering, draftEntry, encodeDrafts } from './drafts.js';
import type { Network } from '../network/network.js';

/** Stores the events. Throws the errors that the contract lists at PublishEvents. */
export async function publishOnce(
  network: Network,
  { events, instanceId, firstPublishSequence: firstNumber }: PublishEventsRequest,
): Promise<PublishEventsResponse> {
  const { limits, clock, journal } = network.options;
  const time = new Date(clock.wall());
  const drafts = encodeDrafts(events, limits);
  const entries = drafts.map((draft) => draftEntry(draft, '', time, limits));
  if (instanceId.length === 0 && firstNumber === 0) {
    return answerOf(await store(network, { entries }), entries.length);
  }
  checkInstance(instanceId);
  checkNumbering(firstNumber, events.length);
  const last = firstNumber + events.length - 1;
  let known = (await journal.producer(instanceId)) ?? firstNumber - 1;
  // Another call of the same instance may store at the same time; the number only grows.
  for (;;) {
    if (known >= last) return { firstSequence: 0, stored: 0 };
    if (known < firstNumber - 1) throw hole(known + 1);
    const fresh = entries.slice(known - (firstNumber - 1));
    const producer = { instance: instanceId, previous: known, last };
    const outcome = await store(network, { entries: fresh, producer });
    if (outcome.kind !== 'producerAt') return answerOf(outcome, fresh.length);
    known = outcome.sequence;
  }
}

/** Throws PUBLISH_LIMIT: callers are refused, not held, since nothing would bound how many wait. */
function store(network: Network, transaction: Transaction): Promise<Outcome> {
  if (!network.backlog.closed) return network.commit(transaction);
  const message = 'the journal is behind what is published; nothing was stored; try again later';
  const metadata = { limit: String(network.options.limits.backlogBytes) };
  throw new KelpieError('PUBLISH_LIMIT', message, metadata, { retryAfterMs: 1000 });
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

function hole(expected: number): KelpieError {
  return new KelpieError(
    'PUBLISH_SEQUENCE_HOLE',
    `${expected} is the next publish sequence of this instance; send from there`,
    { expected: String(expected) },
  );
}
