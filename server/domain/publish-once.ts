/** Publishing by a call: all events or none, and each once if the caller numbers them. */
import type {
  PublishEventsRequest,
  PublishEventsResponse,
} from '../../gen/ts/kelpie/v1/event_service.js';
import { ID_BYTES } from '../core/cursor.js';
import { KelpieError } from '../core/errors.js';
import type { Producer } from '../journal/journal.js';
import { checkBatch, draftEntry } from './events.js';
import type { Network } from './network.js';

/** Stores the events. Throws the errors that the contract lists at PublishEvents. */
export async function publishOnce(
  network: Network,
  { events, instanceId, firstSequence }: PublishEventsRequest,
): Promise<PublishEventsResponse> {
  const { limits, clock, journal } = network.options;
  checkBatch(events, limits);
  const time = new Date(clock.wall());
  const entries = events.map((event) => draftEntry(event, '', time, limits));
  if (instanceId.length === 0 && firstSequence === 0) {
    return store(network, entries);
  }
  checkNumbers(instanceId, firstSequence);
  const last = firstSequence + events.length - 1;
  const known = (await journal.producer(instanceId)) ?? firstSequence - 1;
  if (known >= last) return { firstSequence: 0, stored: 0 };
  if (known < firstSequence - 1) throw hole(known + 1);
  const fresh = entries.slice(known - (firstSequence - 1));
  return store(network, fresh, { instance: instanceId, previous: known, last });
}

async function store(
  network: Network,
  entries: ReturnType<typeof draftEntry>[],
  producer?: Producer,
): Promise<PublishEventsResponse> {
  const outcome = await network.commit({ entries, ...(producer && { producer }) });
  switch (outcome.kind) {
    case 'stored':
      return { firstSequence: outcome.first, stored: entries.length };
    case 'producerAt':
      // Two calls of one instance at the same time; the caller sends again what is missing.
      throw hole(outcome.sequence + 1);
    case 'conflict':
      throw new Error(`a publish without conditions met a conflict on ${outcome.key}`);
  }
}

function checkNumbers(instanceId: Uint8Array, firstSequence: number): void {
  if (instanceId.length !== ID_BYTES) {
    throw new KelpieError(
      'INSTANCE_ID_INVALID',
      `instance_id has ${instanceId.length} bytes; draw ${ID_BYTES} random bytes, or send neither it nor first_sequence`,
    );
  }
  if (firstSequence < 1) {
    throw new KelpieError('OUT_OF_RANGE', 'publish sequences begin above 0', {
      field: 'first_sequence',
      limit: '1',
    });
  }
}

function hole(expected: number): KelpieError {
  return new KelpieError(
    'PUBLISH_SEQUENCE_HOLE',
    `${expected} is the next publish sequence of this instance; send from there`,
    { expected: String(expected) },
  );
}
