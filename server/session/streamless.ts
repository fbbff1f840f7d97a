/**
 * Nodes that this coordinator owns and that have no stream. The answer to a claim may be lost with the engine, after the
 * claim was stored; then no session ends its node. Such a node gets the grace.
 */
import type { NodeClaims } from '../nodes/claims.js';
import type { Holders } from '../nodes/holders.js';
import type { NodeRows } from '../nodes/rows.js';
import type { SessionRegistry } from './registry.js';

export function loseStreamless(
  { owners }: Pick<NodeRows, 'owners'>,
  claims: Pick<NodeClaims, 'lost' | 'isLost'>,
  { registry, holders }: { registry: SessionRegistry; holders: Pick<Holders, 'own' | 'onJudged'> },
): void {
  /** The generations without a stream when it was last judged: a session may be about to end, and end its node. */
  let before = new Set<number>();
  holders.onJudged(() => {
    const found = new Set<number>();
    if (!registry.draining) {
      for (const [name, { value, sequence }] of owners.entries()) {
        const hasStream = registry.has(name, value.sessionId);
        if (value.coordinatorId !== holders.own || hasStream || claims.isLost(name)) continue;
        if (before.has(sequence)) claims.lost(name, sequence);
        else found.add(sequence);
      }
    }
    before = found;
  });
}
