/** The limit of credentials, which the networks of a coordinator share. */
import { KelpieError } from '../core/errors.js';
import type { LiveCredentials } from './live.js';

/**
 * A network may always have an equal share of the limit, and above it what the others leave. Throws CREDENTIAL_LIMIT.
 */
export function checkRoom(live: LiveCredentials, network: string, most: number): void {
  const own = live.sizeOf(network);
  const share = Math.floor(most / live.networksWith(network));
  const limit = Math.max(share, most - (live.size - own));
  if (own < limit) return;
  const message = `the network has ${own} credentials, and no more fit; revoke some first`;
  throw new KelpieError('CREDENTIAL_LIMIT', message, { limit: String(limit) });
}
