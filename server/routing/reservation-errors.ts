/** The errors of reservations. */
import { KelpieError, outOfRange } from '../core/errors.js';
import { cutText } from '../core/text.js';

export function reservationNotFound(id: string): KelpieError {
  const shown = cutText(id, 80);
  const message = `no reservation has the id "${shown}"; it may have ended`;
  return new KelpieError('RESERVATION_NOT_FOUND', message, { reservation_id: shown });
}

export function tooManyReleased(slots: number, held: number): KelpieError {
  const message = `the reservation holds ${held} slots, and ${slots} cannot be released; release 0 for all`;
  return outOfRange('slots', held, message);
}
