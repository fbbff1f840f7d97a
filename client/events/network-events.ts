/** Handlers of the events of nodes and players, by the kind of event. */
import type { NodeEvent, PlayerEvent } from './body.js';
import { callback, oneOf } from '../core/arguments.js';
import type { ReceivedEvent } from './received.js';
import type { Handler, Subscription } from './subscriptions.js';

/** Stops a handler. Safe to call again. */
export type Unsubscribe = () => void;

/** Takes one kind of event. The second argument has its time, its source and its position. */
export type BodyHandler<Body> = (body: Body, event: ReceivedEvent) => void | PromiseLike<void>;

/** Subscribes a handler to a pattern. */
export type Subscribe = (pattern: string, handler: Handler) => Subscription;

type Of<Body, Kind extends string> = Extract<Body, { readonly kind: Kind }>;

/** The events of players that `on` takes. */
export interface PlayerEvents {
  joined: Of<PlayerEvent, 'playerJoined'>;
  moved: Of<PlayerEvent, 'playerMoved'>;
  updated: Of<PlayerEvent, 'playerUpdated'>;
  left: Of<PlayerEvent, 'playerLeft'>;
}

/** The events of nodes that `on` takes. */
export interface NodeEvents {
  joined: Of<NodeEvent, 'nodeJoined'>;
  updated: Of<NodeEvent, 'nodeUpdated'>;
  left: Of<NodeEvent, 'nodeLeft'>;
}

const playerKinds: Readonly<Record<keyof PlayerEvents, PlayerEvent['kind']>> = {
  joined: 'playerJoined',
  moved: 'playerMoved',
  updated: 'playerUpdated',
  left: 'playerLeft',
};

const nodeKinds: Readonly<Record<keyof NodeEvents, NodeEvent['kind']>> = {
  joined: 'nodeJoined',
  updated: 'nodeUpdated',
  left: 'nodeLeft',
};

/** Throws VALUE_INVALID if the name or the handler is not valid, and the errors of `subscribe`. */
export function onPlayers<Name extends keyof PlayerEvents>(
  subscribe: Subscribe,
  name: Name,
  handler: BodyHandler<PlayerEvents[Name]>,
): Unsubscribe {
  return on(subscribe, 'players.*', playerKinds[oneOf('the event', name, playerKinds)], handler);
}

/** `client.nodes`: the events of nodes. `client.roster` has the present nodes. */
export class Nodes {
  readonly #subscribe: Subscribe;

  /** @internal */
  constructor(subscribe: Subscribe) {
    this.#subscribe = subscribe;
  }

  /**
   * Calls the handler with each node of the network that joins (`joined`), changes (`updated`) or leaves
   * (`left`), in order, one at a time. It is a subscription of `nodes.*` and follows the rules of
   * `client.subscribe`. Returns a function that ends the subscription. Throws VALUE_INVALID, and the errors of
   * `client.subscribe`.
   *
   * @example
   * kelpie.nodes.on('updated', ({ node }) => console.log(`${node.name} is ${node.state}`));
   */
  on<Name extends keyof NodeEvents>(
    name: Name,
    handler: BodyHandler<NodeEvents[Name]>,
  ): Unsubscribe {
    const kind = nodeKinds[oneOf('the event', name, nodeKinds)];
    return on(this.#subscribe, 'nodes.*', kind, handler);
  }
}

function on(
  subscribe: Subscribe,
  pattern: string,
  kind: string,
  handler: BodyHandler<never>,
): Unsubscribe {
  callback('the handler', handler);
  const subscription = subscribe(pattern, (event) =>
    event.body?.kind === kind ? handler(event.body as never, event) : undefined,
  );
  return () => subscription.close();
}
