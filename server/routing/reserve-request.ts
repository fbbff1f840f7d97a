/** A ReserveSlotsRequest as a hold. */
import type { ReserveSlotsRequest } from '../../gen/ts/kelpie/v1/node_service.js';
import { msOf } from '../core/duration.js';
import { outOfRange } from '../core/errors.js';
import type { Hold, Requester } from './hold.js';

/** `by`: the session that sent the request; its node owns the reservation if the request names no owner. */
export function holdOf(request: ReserveSlotsRequest, by?: Requester): Hold {
  const { slots, ttl, purpose, owner } = request;
  const ttlMs = ttl ? msOf(ttl) : 0;
  const owned = owner === '' && by ? by.name : owner;
  return { place: placeOf(request), slots, ttlMs, purpose, owner: owned, by };
}

/** Throws OUT_OF_RANGE. */
function placeOf({ place }: ReserveSlotsRequest): Hold['place'] {
  switch (place?.$case) {
    case 'node':
      return { node: place.value };
    case 'servers':
      return { servers: place.value };
    case undefined:
      throw outOfRange('place', 1, 'the request names no place; set node or servers');
  }
}
