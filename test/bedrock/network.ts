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

/** The facts of a network, which are chosen before its processes start. */
interface Plan {
  readonly ports: Readonly<Record<NodeName, number>>;
  /** The address of each coordinator. */
  readonly endpoints: readonly string[];
  /** The folder of all files. */
  readonly folder: string;
  /** The flags of kelpied that name its journal. */
  readonly journal?: readonly string[];
}

export async function plan(coordinators: number): Promise<Plan> {
  const ports = await Promise.all(NODES.map(async (name) => [name, await freeUdpPort()]));
  const tcpPorts = await Promise.all(Array.from({ length: coordinators }, freeTcpPort));
  return {
    ports: Object.fromEntries(ports) as Plan['ports'],
    endpoints: tcpPorts.map((port) => `${HOST}:${port}`),
    folder: await mkdtemp(join(tmpdir(), 'kelpie-demo-')),
  };
}

/** The processes of the demo. A process that starts again uses the port that it had before. */
export class Network {
  /** The credentials of all processes. */
  readonly secrets: Secrets;
  readonly #plan: Plan;
  readonly coordinators: Child[] = [];
  #watch: Watch | undefined;
  readonly #nodes = new Map<NodeName, Child>();

  protected constructor(plan: Plan) {
    this.#plan = plan;
    this.secrets = new Secrets(plan.folder, this.endpoint, plan.journal);
  }

  static async plan(): Promise<Network> {
    return new Network(await plan(1));
  }

  get ports(): Plan['ports'] {
    return this.#plan.ports;
  }

  /** The addresses of the coordinators, as clients take them. */
  get endpoint(): string {
    return this.#plan.endpoints.join(',');
  }

  /** Removes the files of the network. Called when all processes have ended. */
  async forget(): Promise<void> {
    await this.#watch?.close();
    await rm(this.#plan.folder, { recursive: true });
  }

  /** The first one if no number is given. */
  coordinator(number = 0): Child {
    return running(this.coordinators[number]);
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

  /** The servers and proxies with a session on this coordinator, as they report. */
  nodesAt(number: number): Child[] {
    const endpoint = this.#plan.endpoints[number];
    return [...this.servers, ...this.proxies].filter((child) => child.endpoint === endpoint);
  }

  /** Resolves when the coordinator has printed its address. */
  async startCoordinator(number = 0): Promise<void> {
    const { endpoints } = this.#plan;
    const endpoint = endpoints[number] ?? '';
    const name = endpoints.length === 1 ? 'coordinator' : `coordinator-${number + 1}`;
    const [host = '', port = ''] = endpoint.split(':');
    const coordinator = new Child(name, COORDINATOR, [
      ...['--host', host, '--port', port, '--metrics-port', 'off', ...this.secrets.flags],
      ...['--grace-seconds', String(GRACE_SECONDS)],
    ]);
    this.coordinators[number] = coordinator;
    await coordinator.lines.waitFor(`${name} to listen`, (line) => line.includes(endpoint));
  }

  async startWatch(): Promise<void> {
    this.#watch = new Watch(this.endpoint, this.secrets.of('watch'));
    await this.#watch.ready();
  }

  /** Resolves when the node is on the network. */
  async start(name: NodeName): Promise<void> {
    const script = isProxy(name) ? PROXY : DOWNSTREAM;
    const args = [name, String(this.ports[name]), this.#endpointsOf(name)];
    // The two proxies have different policies for a player who logs in twice.
    if (name === 'gate-2') args.push('KICK_OLD');
    if (name === 'lobby') args.push('lobby');
    const child = new Child(name, script, args, this.secrets.variables(name));
    this.#nodes.set(name, child);
    await child.reports.waitFor(`${name} to be ready`, ({ type }) => type === 'ready');
  }

  /** All coordinators, another one first for the next node: the nodes spread over them. */
  #endpointsOf(name: NodeName): string {
    const { endpoints } = this.#plan;
    const first = NODES.indexOf(name) % endpoints.length;
    return [...endpoints.slice(first), ...endpoints.slice(0, first)].join(',');
  }

  /** Resolves when the roster of each proxy names exactly these servers. */
  async proxiesKnow(servers: readonly Server[]): Promise<void> {
    await Promise.all(this.proxies.map((proxy) => proxy.knows(servers)));
  }

  /** Calls the API of the coordinator, as a tool does. */
  async ask<T>(question: (api: Api) => Promise<T>): Promise<T> {
    const api = await reachApi(this.endpoint, this.secrets.operator);
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
