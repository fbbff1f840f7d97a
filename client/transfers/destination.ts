/** The place that players are moved to, in the form of programs and in the form of the contract. Pure. */
import type { TransferDestination } from '../../gen/ts/kelpie/v1/transfer.js';
import { flag, invalid, object, text } from '../core/arguments.js';
import { known } from '../core/known.js';
import { type ServerSelection, serverSelectionOf } from '../core/server-selector.js';
import { type FallbackReasonName, fallbackReasonOf } from '../core/spelling.js';

/** The place that players are moved to. */
export type Destination =
  /** The server of this name. */
  | { readonly server: string }
  /** One of the servers that match. */
  | ServerSelection
  /**
   * Another node that players connect to, by its public address; and the server that they are on then. Without a
   * server, the routing rules of that proxy decide.
   */
  | { readonly proxy: string; readonly server?: string }
  /** The proxy with a public address that has the fewest players, and is not the player's own. */
  | { readonly anyProxy: true; readonly server?: string }
  /** The server that the routing rules give for a fallback with this reason. */
  | { readonly routed: FallbackReasonName };

const KINDS = ['servers', 'proxy', 'anyProxy', 'routed', 'server'] as const;

/** A copy. Throws VALUE_INVALID. */
export function destinationOf(given: Destination): TransferDestination {
  const destination = object('the destination', given) as Destination;
  return { place: placeOf(destination) };
}

function placeOf(given: Destination): NonNullable<TransferDestination['place']> {
  const what = 'the destination';
  if ('servers' in given) {
    return { $case: 'servers', value: serverSelectionOf(what, given) };
  }
  if ('proxy' in given) {
    const { proxy, server = '' } = known(what, given, { proxy: 1, server: 1 });
    return {
      $case: 'proxy',
      value: { name: named('proxy', proxy), server: text('server', server) },
    };
  }
  if ('anyProxy' in given) {
    const { anyProxy, server = '' } = known(what, given, { anyProxy: 1, server: 1 });
    if (!flag('anyProxy', anyProxy))
      throw invalid('anyProxy is false; it must be true', 'anyProxy');
    return { $case: 'proxy', value: { name: '', server: text('server', server) } };
  }
  if ('routed' in given) {
    const { routed } = known(what, given, { routed: 1 });
    return { $case: 'routed', value: { reason: fallbackReasonOf(routed, 'routed') } };
  }
  if ('server' in given) {
    const { server } = known(what, given, { server: 1 });
    return { $case: 'server', value: named('server', server) };
  }
  const message = `the destination has none of ${KINDS.join(', ')}; it must have one of them`;
  throw invalid(message, 'destination');
}

/** An empty name, of a variable that is not set, must not stand for any node. Throws VALUE_INVALID. */
function named(field: string, value: unknown): string {
  const name = text(field, value);
  if (name !== '') return name;
  throw invalid(`${field} is empty; it must be the name of a node`, field);
}
