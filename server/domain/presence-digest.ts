/** Which players a proxy has, in short, so that it and the table can be compared. */
import { createHash } from 'node:crypto';
import type { Player } from '../../gen/ts/kelpie/v1/player.js';

const DIGEST_BYTES = 8;

/** The digest of players who are in, in any order, as PresenceDigest describes it. */
export function digestOf(players: Iterable<Pick<Player, 'id' | 'generation' | 'server'>>): Buffer {
  const lines = Array.from(
    players,
    ({ id, generation, server }) => `${id} ${generation} ${server}\n`,
  );
  // All ASCII, so this is their bytes' order.
  const text = lines.sort((left, right) => (left < right ? -1 : 1)).join('');
  return createHash('sha256').update(text).digest().subarray(0, DIGEST_BYTES);
}
