import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from './child.js';
import { HOST } from './library.js';

export type Server = 'north' | 'south';

const COORDINATOR = new URL('../../server/main.js', import.meta.url);
const DOWNSTREAM = new URL('./downstream.js', import.meta.url);
const PROXY = new URL('./proxy.js', import.meta.url);

interface Ports {
  coordinator: number;
  proxy: number;
  north: number;
  south: number;
}

/** The processes of the demo. Each comes back on the port that it had. */
export class Network {
  readonly ports: Ports;
  /** Where the coordinator keeps its journal. */
  readonly #data: string;
  #coordinator: Child | undefined;
  #proxy: Child | undefined;
  readonly #downstreams = new Map<Server, Child>();

  private constructor(ports: Ports, data: string) {
    this.ports = ports;
    this.#data = data;
  }

  static async plan(): Promise<Network> {
    const [coordinator, proxy, north, south] = await Promise.all([
      freeTcpPort(),
      freeUdpPort(),
      freeUdpPort(),
      freeUdpPort(),
    ]);
    const data = await mkdtemp(join(tmpdir(), 'kelpie-demo-'));
    return new Network({ coordinator, proxy, north, south }, data);
  }

  /** Once all of it has ended. */
  async forget(): Promise<void> {
    await rm(this.#data, { recursive: true });
  }

  get coordinator(): Child {
    return running(this.#coordinator);
  }

  get proxy(): Child {
    return running(this.#proxy);
  }

  downstream(name: Server): Child {
    return running(this.#downstreams.get(name));
  }

  get downstreams(): Child[] {
    return [...this.#downstreams.values()];
  }

  get endpoint(): string {
    return `${HOST}:${this.ports.coordinator}`;
  }

  /** Resolves when it has said where it listens. */
  async startCoordinator(): Promise<void> {
    const port = String(this.ports.coordinator);
    const args = ['--host', HOST, '--port', port, '--metrics-port', 'off', '--data', this.#data];
    this.#coordinator = new Child('coordinator', COORDINATOR, args);
    await this.#coordinator.lines.waitFor('the coordinator to listen', (line) =>
      line.includes(this.endpoint),
    );
  }

  /** Resolves when it is on the network. */
  async startDownstream(name: Server): Promise<void> {
    const child = new Child(name, DOWNSTREAM, [name, String(this.ports[name]), this.endpoint]);
    this.#downstreams.set(name, child);
    await isReady(child);
  }

  /** Resolves when it is on the network. */
  async startProxy(): Promise<void> {
    this.#proxy = new Child('proxy', PROXY, ['gate', String(this.ports.proxy), this.endpoint]);
    await isReady(this.#proxy);
  }

  /** Resolves when the proxy's roster names exactly these servers. */
  async proxyKnows(names: Server[], since = 0): Promise<void> {
    const wanted = names.join();
    await this.proxy.reports.waitFor(
      `the proxy to know ${wanted || 'no server'}`,
      (report) => report.type === 'servers' && report.names.join() === wanted,
      { since },
    );
  }
}

function running(child: Child | undefined): Child {
  if (!child) throw new Error('not started yet');
  return child;
}

async function isReady(child: Child): Promise<void> {
  await child.reports.waitFor(`${child.name} to be ready`, ({ type }) => type === 'ready');
}

async function freeTcpPort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no TCP port is free');
  return address.port;
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, HOST);
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}
