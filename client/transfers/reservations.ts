/** Slots that the session of a node holds. */
import type { Link } from '../connection/link.js';
import { type Answer, unanswered } from '../connection/requests.js';
import { KelpieError, typed } from '../errors.js';
import { releaseRequestOf, reserveRequestOf, type SlotRequest } from './slots.js';

/** Slots that are held. */
export interface Reservation {
  /** The id, by which every node can release the slots. */
  readonly id: string;
  /** The name of the node. */
  readonly node: string;
  /** See `KelpieClient.release`. */
  release(slots?: number): Promise<void>;
}

/** Holds slots. `link` throws if there is no stream. */
export async function reserve(link: () => Link, request: SlotRequest): Promise<Reservation> {
  const value = typed(() => reserveRequestOf(request));
  const answer = await once(link(), { $case: 'reserveSlots', value });
  if (answer.$case !== 'slotsReserved') {
    throw new KelpieError('PROTOCOL', 'the coordinator answered without the reservation');
  }
  const { reservationId: id, node } = answer.value;
  return { id, node, release: (slots) => release(link, id, slots) };
}

export async function release(link: () => Link, id: string, slots?: number): Promise<void> {
  const value = typed(() => releaseRequestOf(id, slots));
  await once(link(), { $case: 'releaseSlots', value });
}

/** Sends a request once: nobody can tell whether the coordinator took it when the stream breaks. */
async function once(link: Link, frame: Parameters<Link['request']>[0]): Promise<Answer> {
  if (!link.open) throw unanswered();
  try {
    return await link.request(frame);
  } catch (error) {
    if (error instanceof KelpieError && error.reason === 'UNAVAILABLE') throw outcomeUnknown();
    throw error;
  }
}

function outcomeUnknown(): KelpieError {
  const message =
    'the stream broke before the answer; the slots may be held or released, and end with their time';
  return new KelpieError('OUTCOME_UNKNOWN', message);
}
