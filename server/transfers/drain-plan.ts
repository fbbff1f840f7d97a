/** Checks the request for a drain, and fills in the defaults. Pure. */
import type { DrainNodeRequest } from '../../gen/ts/kelpie/v1/node_service.js';
import { type Node, NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import { FallbackReason } from '../../gen/ts/kelpie/v1/routing.js';
import type { TransferDestination } from '../../gen/ts/kelpie/v1/transfer.js';
import { msOf } from '../core/duration.js';
import { KelpieError, outOfRange } from '../core/errors.js';

const DEFAULT_RATE = 5;
const HIGHEST_RATE = 1000;
const DEFAULT_DEADLINE_MS = 600_000;
const LONGEST_DEADLINE_MS = 86_400_000;

export interface DrainPlan {
  readonly destination: TransferDestination;
  /** The time between two players. */
  readonly spacingMs: number;
  readonly deadlineMs: number;
}

/** The plan for a node of this role. Throws OUT_OF_RANGE or DEADLINE_INVALID. */
export function planOf(request: DrainNodeRequest, role: NodeRole): DrainPlan {
  const { destination = defaultDestination(role), playersPerSecond, deadline } = request;
  const rate = playersPerSecond === 0 ? DEFAULT_RATE : playersPerSecond;
  if (!(rate > 0 && rate <= HIGHEST_RATE)) {
    const message = `players_per_second is ${rate}; it must be above 0 and at most ${HIGHEST_RATE}`;
    throw outOfRange('players_per_second', HIGHEST_RATE, message);
  }
  const deadlineMs = deadline ? msOf(deadline) : DEFAULT_DEADLINE_MS;
  if (!(deadlineMs > 0 && deadlineMs <= LONGEST_DEADLINE_MS)) {
    const message = `the deadline is ${deadlineMs / 1000} s; it must be above 0 and at most 24 h`;
    const limit = String(LONGEST_DEADLINE_MS);
    throw new KelpieError('DEADLINE_INVALID', message, { field: 'deadline', limit });
  }
  return { destination, spacingMs: 1000 / rate, deadlineMs };
}

/** Players of a proxy go to another proxy; players of a server go where the rules send them. */
function defaultDestination(role: Node['role']): TransferDestination {
  if (role === NodeRole.PROXY) {
    return { place: { $case: 'proxy', value: { name: '', server: '' } } };
  }
  return { place: { $case: 'routed', value: { reason: FallbackReason.DRAIN } } };
}
