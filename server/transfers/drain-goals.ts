/** Where a drain sends its players. Those who go to another proxy stay on their server. */
import { NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import type { TransferDestination } from '../../gen/ts/kelpie/v1/transfer.js';
import type { NodeRows } from '../nodes/rows.js';
import { stateError } from '../routing/servers.js';
import type { GoalOf } from './goals.js';
import type { Transfers } from './transfers.js';

/** The parts that the goals of a drain need. */
interface DrainGoalParts {
  readonly transfers: Pick<Transfers, 'goalOf'>;
  readonly nodes: NodeRows['nodes'];
}

/**
 * Chooses the goals of the players of one drain. Where the destination is a proxy and names no server, players keep
 * their server, unless its state keeps players away: the rules decide then. Throws what `goalOf` throws.
 */
export function drainGoalOf(
  destination: TransferDestination,
  { transfers, nodes }: DrainGoalParts,
): GoalOf {
  const byRules = transfers.goalOf(destination);
  const { place } = destination;
  if (place?.$case !== 'proxy' || place.value.server !== '') return byRules;
  const { name } = place.value;
  return async (rowNow, ttlMs, playerId) => {
    const server = nodes.get(rowNow().server)?.value;
    const isDirect = nodes.get(name.toLowerCase())?.value.role === NodeRole.DOWNSTREAM;
    if (!server || isDirect || stateError(server)) return byRules(rowNow, ttlMs, playerId);
    const value = { name, server: server.name };
    return transfers.goalOf({ place: { $case: 'proxy', value } })(rowNow, ttlMs, playerId);
  };
}
