/** Servers to choose from, as a request names them: their check, and the error where none of them is open. */
import { RoutingStrategy, type ServerSelector } from '../../gen/ts/kelpie/v1/routing.js';
import type { ServerSelection } from '../../gen/ts/kelpie/v1/transfer.js';
import { KelpieError, outOfRange } from '../core/errors.js';
import { type Server, serversOf } from './pick.js';
import type { ServerList } from './server-list.js';
import { closedError, refusalOf, REFUSALS } from './servers.js';
import { checkedSelector } from './validation.js';

/** Throws LABELS_INVALID, OUT_OF_RANGE or NODE_NAME_INVALID. */
export function checkSelection({ servers, strategy }: ServerSelection): void {
  if (servers) checkedSelector(servers);
  if (Object.values<number>(RoutingStrategy).includes(strategy)) return;
  const message = `${strategy} is no strategy that this coordinator has; take one of RoutingStrategy`;
  throw outOfRange('strategy', RoutingStrategy.STICKY, message);
}

/** Why none of the servers that match takes so many players more. */
export function noServer(
  all: ServerList<Server>,
  selector: ServerSelector | undefined,
  slots: number,
): KelpieError {
  const matching = serversOf(selector, all);
  const refusals = matching.map((server) => refusalOf(server, slots));
  const telling = REFUSALS.find((one) => refusals.includes(one));
  const first = telling && matching[refusals.indexOf(telling)];
  const refusal = first && closedError(first, slots);
  if (!refusal) {
    const message = 'no server matches; name others, or wait until one has joined';
    return new KelpieError('NO_TARGET', message);
  }
  const message = `none of the ${matching.length} servers that match is open; ${refusal.message}`;
  return new KelpieError(refusal.reason, message, refusal.metadata);
}

/** Whether the error means that the node takes no players, or is gone: another one may take them. */
export function isClosed(error: unknown): boolean {
  const reasons: readonly string[] = [...REFUSALS, 'NODE_NOT_FOUND'];
  return error instanceof KelpieError && reasons.includes(error.reason);
}
