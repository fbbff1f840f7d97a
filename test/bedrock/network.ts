import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Api, reachApi } from '../../client/api/index.js';
import { Child } from './child.js';
import { HOST } from './library.js';
import { freeTcpPort, freeUdpPort } from './ports.js';
import { Secrets } from './secrets.js';
import { Watch } from './watch.js';

const GAMES = ['bedwars', 'survival'] as const;
export const SERVERS = ['lobby', ...GAMES] as const;
export const PROXIES = ['gate-1', 'gate-2'] as const;
const NODES = [...SERVERS, ...PROXIES] as const;
export type Server = (typeof SERVERS)[number];
export type ProxyName = (typeof PROXIES)[number];

type NodeName = Server | ProxyName;
/** The ports of the proxies. */
export type Gates = Readonly<Record<ProxyName, number>>;

const COORDINATOR = new URL('../../server/main.js', import.meta.url);
const DOWNSTREAM = new URL('./downstream.js', import.meta.url);
const PROXY = new URL('./proxy.js', import.meta.url);

/** The grace of a lost node, and of the players of a lost proxy. */
export const GRACE_SECONDS = 10;

/** The processes of the demo. A process that starts again uses the port that it had before. */
export class Network {
  readonly ports: Readonly<Record<NodeName, number>>;
  /** The address on which the coordinator listens. */
  readonly endpoint: string;
  /** The credentials of all processes. */
  readonly secrets: Secrets;
  /** The folder of all files. */
  readonly #folder: string;
  #coordinator: Child | undefined;
  #watch: Watch | undefined;
  readonly #nodes = new Map<NodeName, Child>();

  private constructor(ports: Readonly<Record<NodeName, number>>, port: number, folder: string) {
    this.ports = ports;
    this.endpoint = `${HOST}:${port}`;
    this.#folder = folder;
    this.secrets = new Secrets(folder, this.endpoint);
  }

  static async plan(): Promise<Network> {
    const ports = await Promise.all(NODES.map(async (name) => [name, await freeUdpPort()]));
    const folder = await mkdtemp(join(tmpdir(), 'kelpie-demo-'));
    const byName = Object.fromEntries(ports) as Record<NodeName, number>;
    return new Network(byName, await freeTcpPort(), folder);
  }

  /** Removes the files of the network. Called when all processes have ended. */
  async forget(): Promise<void> {
    await this.#watch?.close();
    await rm(this.#folder, { recursive: true });
  }

  get coordinator(): Child {
    return running(this.#coordinator);
  }

  /** The director's own client. */
  get watch(): Watch {
    return running(this.#watch);
  }

  node(name: NodeName): Child {
    return running(this.#nodes.get(name));
  }

  get servers(): Child[] {
    return SERVERS.map((name) => this.node(name));
  }

  get proxies(): Child[] {
    return PROXIES.map((name) => this.node(name));
  }

  /** Resolves when the coordinator has printed its address. */
  async startCoordinator(): Promise<void> {
    const [host = '', port = ''] = this.endpoint.split(':');
    this.#coordinator = new Child('coordinator', COORDINATOR, [
      ...['--host', host, '--port', port, '--metrics-port', 'off', ...this.secrets.flags],
      ...['--grace-seconds', String(GRACE_SECONDS)],
    ]);
    await this.#coordinator.lines.waitFor('the coordinator to listen', (line) =>
      line.includes(this.endpoint),
    );
  }

  async startWatch(): Promise<void> {
    this.#watch = new Watch(this.endpoint, this.secrets.of('watch'));
    await this.#watch.ready();
  }

  /** Resolves when the node is on the network. */
  async start(name: NodeName): Promise<void> {
    const script = isProxy(name) ? PROXY : DOWNSTREAM;
    const args = [name, String(this.ports[name]), this.endpoint];
    // The two proxies have different policies for a player who logs in twice.
    if (name === 'gate-2') args.push('KICK_OLD');
    if (name === 'lobby') args.push('lobby');
    const child = new Child(name, script, args, this.secrets.variables(name));
    this.#nodes.set(name, child);
    await child.reports.waitFor(`${name} to be ready`, ({ type }) => type === 'ready');
  }

  /** Resolves when the roster of each proxy names exactly these servers. */
  async proxiesKnow(servers: readonly Server[]): Promise<void> {
    await Promise.all(this.proxies.map((proxy) => proxy.knows(servers)));
  }

  /** Calls the API of the coordinator, as a tool does. */
  async ask<T>(question: (api: Api) => Promise<T>): Promise<T> {
    const api = await reachApi([this.endpoint], this.secrets.operator);
    try {
      return await question(api);
    } finally {
      api.close();
    }
  }
}

function isProxy(name: NodeName): boolean {
  return PROXIES.some((proxy) => proxy === name);
}

function running<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('not started yet');
  return part;
}
