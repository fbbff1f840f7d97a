/** Requests for slots, in the form of programs and in the form of the contract. Pure. */
import type {
  ReleaseSlotsRequest,
  ReserveSlotsRequest,
} from '../../gen/ts/kelpie/v1/node_service.js';
import { amount, invalid, object, text, whole } from '../core/arguments.js';
import { durationOf } from '../core/duration.js';
import { type Fields, known } from '../core/known.js';
import { type ServerSelection, serverSelectionOf } from '../core/server-selector.js';

/** How slots are held. */
export interface SlotOptions {
  /** How many slots: 1 to 1,000. Default 1. */
  readonly slots?: number;
  /** After how many milliseconds the reservation ends by itself: 1,000 to 600,000. */
  readonly ttlMs: number;
  /** The purpose, for people: at most 255 bytes. */
  readonly purpose?: string;
  /**
   * The name of a node, in any case: the reservation ends with the presence of its present process. Default: the node
   * of the client; in a call the reservation belongs to no node.
   */
  readonly owner?: string;
}

/** Slots on the proxy or server of this name, or on one of the servers that match. */
export type SlotRequest = ({ readonly node: string } | ServerSelection) & SlotOptions;

const OPTIONS: Fields<SlotOptions> = { slots: 1, ttlMs: 1, purpose: 1, owner: 1 };
const SHORTEST_MS = 1000;
const LONGEST_MS = 600_000;
const MOST = 1000;

/** A copy. Throws VALUE_INVALID or OUT_OF_RANGE. */
export function reserveRequestOf(request: SlotRequest): ReserveSlotsRequest {
  const place = placeOf(request);
  const { slots = 1, ttlMs, purpose = '', owner = '' } = request;
  return {
    place,
    slots: whole('slots', slots, 1, MOST),
    ttl: durationOf(amount('ttlMs', ttlMs, SHORTEST_MS, LONGEST_MS)),
    purpose: text('purpose', purpose),
    owner: text('owner', owner),
  };
}

function placeOf(request: SlotRequest): NonNullable<ReserveSlotsRequest['place']> {
  const what = 'the request for slots';
  const given = object(what, request) as SlotRequest;
  if ('servers' in given) {
    const { servers, strategy } = known(what, given, { servers: 1, strategy: 1, ...OPTIONS });
    const selection = { servers, ...(strategy !== undefined && { strategy }) };
    return { $case: 'servers', value: serverSelectionOf(what, selection) };
  }
  const { node } = known(what, given, { node: 1, ...OPTIONS });
  if (text('node', node) !== '') return { $case: 'node', value: node };
  throw invalid('node is empty; it must be the name of a node', 'node');
}

/** 0 slots stand for all. Throws VALUE_INVALID or OUT_OF_RANGE. */
export function releaseRequestOf(reservationId: string, slots = 0): ReleaseSlotsRequest {
  return { reservationId: text('id', reservationId), slots: whole('slots', slots, 0, MOST) };
}
