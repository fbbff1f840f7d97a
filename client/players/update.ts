/** Changes of a player's facts that any node makes. */
import { type PlayerRef, wireRef } from '../commands/commands.js';
import type { Link } from '../connection/link.js';
import { unanswered } from '../connection/requests.js';
import { typed } from '../errors.js';
import { changeOf, type PlayerFactsChange } from './facts.js';

/** Resolves when the coordinator has stored the change. Rejects with what UpdatePlayer names, or UNAVAILABLE. */
export async function updatePlayer(
  link: Link | undefined,
  player: PlayerRef,
  change: PlayerFactsChange,
): Promise<void> {
  const value = typed(() => ({ ...wireRef(player), change: changeOf(change) }));
  if (!link) throw unanswered();
  await link.request({ $case: 'updatePlayer', value });
}
