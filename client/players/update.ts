/** Changes of a player's facts that any node may make. */
import { type PlayerRef, wireRef } from '../commands/refs.js';
import type { Link } from '../connection/link.js';
import { typed } from '../errors.js';
import { changeOf, type PlayerFactsChange } from './facts.js';

/** Resolves when the coordinator has stored the change. `link` throws if there is no stream. */
export async function updatePlayer(
  link: () => Link,
  player: PlayerRef,
  change: PlayerFactsChange,
): Promise<void> {
  const value = typed(() => ({ ...wireRef(player), change: changeOf(change) }));
  await link().request({ $case: 'updatePlayer', value });
}
