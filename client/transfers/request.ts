/** A request to move players, in the form of programs and in the form of the contract. Pure. */
import type { TransferPlayersRequest } from '../../gen/ts/kelpie/v1/player_service.js';
import { invalid, object, text } from '../core/arguments.js';
import { deadlineOf } from '../core/deadline.js';
import { type Fields, known } from '../core/known.js';
import { KelpieError } from '../errors.js';
import { contentOf, type MessageContent } from '../events/content.js';
import { type Destination, destinationOf } from './destination.js';
import { playersOf, type PlayersTarget } from './target.js';

/** How players are moved. */
export interface TransferOptions {
  /**
   * For the programs of the target: bytes, text, or JSON (an object or a list), which is sent as UTF-8. At most 16 KiB.
   * The target gets it in `prepare_arrival`, and another proxy in the ticket of the login.
   */
  readonly context?: MessageContent | undefined;
  /** How many milliseconds each transfer may take: above 0, at most 300,000. Default 30,000. */
  readonly timeoutMs?: number;
  /**
   * The reservation that `reserve` gave: each player uses one of its slots, and holds none of their own. The destination must name its
   * node. The slot is free when the player has arrived, and also when the transfer fails: the reservation does not get
   * it back. Players beyond its slots get SERVER_FULL. Default: each transfer holds a slot itself.
   */
  readonly reservation?: { readonly id: string } | undefined;
}

export const TRANSFER_MS = 30_000;
const CONTEXT_BYTES = 16 * 1024;
const FIELDS: Fields<TransferOptions> = { context: 1, timeoutMs: 1, reservation: 1 };

/** A copy. Throws VALUE_INVALID, OUT_OF_RANGE, DEADLINE_INVALID, CONTENT_TOO_DEEP or PAYLOAD_TOO_LARGE. */
export function transferOf(
  target: PlayersTarget,
  destination: Destination,
  options: TransferOptions,
): TransferPlayersRequest {
  const given = known('the options object of a transfer', options, FIELDS);
  const { context, timeoutMs = TRANSFER_MS, reservation } = given;
  return {
    target: playersOf(target),
    destination: destinationOf(destination),
    context: context === undefined ? new Uint8Array() : contextOf(context),
    timeout: deadlineOf(timeoutMs),
    reservationId: reservation === undefined ? '' : idOf(reservation),
  };
}

/** An empty id, of a variable that is not set, must not stand for no reservation. Throws VALUE_INVALID. */
function idOf(reservation: { readonly id: string }): string {
  const { id } = object('reservation', reservation) as { readonly id: unknown };
  const given = text('reservation.id', id);
  if (given !== '') return given;
  throw invalid('reservation.id is empty; take the reservation that reserve gave', 'reservation');
}

function contextOf(content: MessageContent): Uint8Array {
  const { form } = contentOf(content);
  const bytes = form?.$case === 'data' ? form.value : encoded(form?.value);
  if (bytes.length <= CONTEXT_BYTES) return bytes;
  const message = `the context has ${bytes.length} bytes; the limit is ${CONTEXT_BYTES}`;
  throw new KelpieError('PAYLOAD_TOO_LARGE', message, { permanent: true });
}

function encoded(value: unknown): Uint8Array {
  return new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
}
