/** The errors for peers of a network that is not open. */
import { KelpieError } from '../core/errors.js';

/** Over so long the peers of a network that begins anew spread their return. */
const SPREAD_MS = 500;

export function unavailable(network: string, retryAfterMs: number, cause?: unknown): KelpieError {
  const message =
    `the coordinator cannot open the network "${network}"; its log has the reason, which its ` +
    'operator must remove; try again then';
  const options = { cause, retryAfterMs };
  return new KelpieError('NETWORK_UNAVAILABLE', message, { network }, options);
}

export function epochEnded(): KelpieError {
  const message =
    'the history of the network ended, because its storage lost entries; connect again to the new one';
  // All peers get this at the same moment, and should not come back at the same moment.
  return new KelpieError(
    'EPOCH_ENDED',
    message,
    {},
    { retryAfterMs: Math.floor(Math.random() * SPREAD_MS) },
  );
}

export function networkLimit(limit: number): KelpieError {
  const message = `the coordinator has ${limit} networks, the limit; no more fit here`;
  return new KelpieError('NETWORK_LIMIT', message, { limit: String(limit) });
}
