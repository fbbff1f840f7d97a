/**
 * Proxies and servers of the client that carry out transfers as real ones do, without Minecraft. A player's client
 * follows a Bedrock transfer: it leaves its proxy and logs in at the other one.
 */
import { connect, type ConnectOptions } from '../../../client/index.js';
import { FakeProxy, type ProxyBehaviour } from './fake-proxy.js';
import { FakeServer, type ServerBehaviour } from './fake-server.js';
import { until } from '../until.js';
import { World } from './world.js';

/** The way to the coordinator: endpoints, or a transport. */
export type Reach = Pick<ConnectOptions, 'endpoints' | 'transport'>;

/** The public ports of proxies, and the ports of servers. Nobody listens there. */
const FIRST_PORT = 20_000;

export class FakeNetwork {
  readonly world = new World();
  readonly #reach: Reach;
  readonly #nodes: (FakeProxy | FakeServer)[] = [];

  constructor(reach: Reach) {
    this.#reach = reach;
  }

  /** A proxy whose session is open. Its public address has an empty host and a port of its own. */
  async proxy(
    name: string,
    behaviour: ProxyBehaviour = {},
    more: Partial<ConnectOptions> = {},
  ): Promise<FakeProxy> {
    const port = this.#nextPort();
    const own = { name, role: 'PROXY', publicAddress: { host: '', port } } as const;
    const proxy = new FakeProxy(this.world, behaviour, (players) =>
      connect({ ...own, ...this.#reach, players, ...more }),
    );
    this.world.doors.set(port, (facts) => proxy.bring(facts));
    return this.#open(proxy);
  }

  /** A server whose session is open. */
  async server(
    name: string,
    behaviour: ServerBehaviour = {},
    more: Partial<ConnectOptions> = {},
  ): Promise<FakeServer> {
    const own = { name, role: 'DOWNSTREAM', address: { port: this.#nextPort() } } as const;
    const client = connect({ ...own, ...this.#reach, ...more });
    return this.#open(new FakeServer(this.world, client, behaviour));
  }

  #nextPort(): number {
    return FIRST_PORT + this.#nodes.length;
  }

  async #open<Node extends FakeProxy | FakeServer>(node: Node): Promise<Node> {
    this.#nodes.push(node);
    await node.client.ready();
    return node;
  }

  /** Resolves when all nodes have a session again, after a restart of the coordinator: only then can they say goodbye. */
  async back(): Promise<void> {
    await until(() => this.#nodes.every(({ client }) => client.connectionState === 'CONNECTED'));
  }

  /** Closes all nodes. */
  async close(): Promise<void> {
    await Promise.all(this.#nodes.splice(0).map(({ client }) => client.close()));
  }
}
