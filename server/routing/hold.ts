/** A request for slots, and its bounds. */
import type { ServerSelection } from '../../gen/ts/kelpie/v1/transfer.js';
import { outOfRange } from '../core/errors.js';
import { textOf } from '../network/labels.js';
import type { Wanted } from './room.js';

const SLOTS = 1000;
export const MIN_TTL_MS = 1000;
export const MAX_TTL_MS = 600_000;
const PURPOSE_BYTES = 255;

/** The session that requests something. Its write is refused if another session owns the node. */
export interface Requester {
  readonly name: string;
  readonly generation: number;
}

/** A request for slots. */
export interface Hold extends Wanted {
  /** The name of a node in any case, or servers to choose from. */
  readonly place: { readonly node: string } | { readonly servers: ServerSelection };
  readonly ttlMs: number;
  readonly purpose: string;
  /** The name of the node with whose process the reservation ends, in any case. Empty: none. */
  readonly owner: string;
  readonly by?: Requester | undefined;
  /** The player whose transfer holds the slot. The reservation ends with this coordinator. */
  readonly transferOf?: string;
  /** For ROUND_ROBIN: the number of choices before. Default: all that this coordinator made for reservations. */
  readonly turn?: number;
  /** For STICKY: the server that the player was on last. */
  readonly lastServer?: string;
}

/** Throws OUT_OF_RANGE or TEXT_TOO_LONG. */
export function checkHold({ slots, ttlMs, purpose }: Hold): void {
  if (slots < 1 || slots > SLOTS) {
    throw outOfRange('slots', SLOTS, `slots is ${slots}; a reservation has 1 to ${SLOTS}`);
  }
  if (!(ttlMs >= MIN_TTL_MS && ttlMs <= MAX_TTL_MS)) {
    const message = `ttl is ${ttlMs / 1000} s; a reservation lasts 1 s to 10 min`;
    throw outOfRange('ttl', MAX_TTL_MS, message);
  }
  textOf('purpose', purpose, PURPOSE_BYTES);
}
