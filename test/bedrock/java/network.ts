/** The processes of the demo: a coordinator, the proxy of the other demo, and three real servers. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect, type KelpieClient } from '../../../client/index.js';
import { Child } from '../child.js';
import { History } from '../history.js';
import { HOST } from '../library.js';
import { freeTcpPort, freeUdpPort } from '../ports.js';
import { Secrets } from '../secrets.js';
import { Watch } from '../watch.js';
import { NukkitServer } from './server.js';

/** Two servers behind the proxy, and one that players join directly. */
export const SERVERS = ['lobby', 'arena', 'hub'] as const;
export type Server = (typeof SERVERS)[number];
export const GATE = 'gate-1';

const COORDINATOR = new URL('../../../server/main.js', import.meta.url);
const PROXY = new URL('../proxy.js', import.meta.url);
const RULES = fileURLToPath(new URL('../../../../test/bedrock/routing.yaml', import.meta.url));

export class Network {
  readonly ports: Readonly<Record<Server | typeof GATE, number>>;
  readonly endpoint: string;
  readonly secrets: Secrets;
  readonly #folder: string;
  readonly servers = new Map<Server, NukkitServer>();
  /** The lines of chat that another node heard: `Ana@lobby: hello`. */
  readonly heard = new History<string>();
  #coordinator: Child | undefined;
  #watch: Watch | undefined;
  #radio: KelpieClient | undefined;
  #hubToken = '';

  private constructor(ports: Network['ports'], port: number, folder: string) {
    this.ports = ports;
    this.endpoint = `${HOST}:${port}`;
    this.#folder = folder;
    this.secrets = new Secrets(folder, this.endpoint);
  }

  static async plan(): Promise<Network> {
    const names = [...SERVERS, GATE] as const;
    const ports = await Promise.all(names.map(async (name) => [name, await freeUdpPort()]));
    const folder = await mkdtemp(join(tmpdir(), 'kelpie-java-'));
    return new Network(Object.fromEntries(ports) as Network['ports'], await freeTcpPort(), folder);
  }

  get coordinator(): Child {
    return running(this.#coordinator);
  }

  get watch(): Watch {
    return running(this.#watch);
  }

  /** The last events of nodes and players. */
  news(most: number): string[] {
    return this.#watch?.news.since(0).slice(-most) ?? [];
  }

  /** A node of another kind. */
  get radio(): KelpieClient {
    return running(this.#radio);
  }

  server(name: Server): NukkitServer {
    return running(this.servers.get(name));
  }

  async startCoordinator(): Promise<void> {
    const [host = '', port = ''] = this.endpoint.split(':');
    this.#coordinator = new Child('coordinator', COORDINATOR, [
      ...['--host', host, '--port', port, '--metrics-port', 'off', ...this.secrets.flags],
    ]);
    await this.#coordinator.lines.waitFor('the coordinator to listen', (line) =>
      line.includes(this.endpoint),
    );
  }

  /** Makes the tokens, the rules, and the two clients of the director. */
  async prepare(): Promise<void> {
    await this.secrets.invite(['lobby', 'arena'], [GATE]);
    const direct = ['--preset', 'server', '--verb', 'hold-players', '--node', 'hub'];
    const terms = ['--join', '--uses', '1', '--ttl', '1h', '--quiet'];
    const printed = await this.secrets.kelpie('token', 'create', 'hubs', ...direct, ...terms);
    this.#hubToken = printed.trim();
    const { tokenFile } = this.secrets.of('radio');
    const service = ['--preset', 'service', '--token-file', tokenFile];
    await this.secrets.kelpie('token', 'create', 'radio', ...service);
    await this.secrets.kelpie('routing', 'edit', RULES);
    this.#watch = new Watch(this.endpoint, this.secrets.of('watch'));
    this.#radio = connect({
      ...{ name: 'radio', role: 'SERVICE', endpoints: this.endpoint, ...this.secrets.of('radio') },
      roster: { players: true },
      // The demo kills the coordinator: a warning would be no news.
      logger: { warn: () => undefined },
    });
    this.#radio.subscribe('chat.global', ({ attributes, source, content }) => {
      if (typeof content !== 'string') return;
      this.heard.add(`${attributes['player'] ?? '?'}@${source}: ${content}`);
    });
    await Promise.all([this.#watch.ready(), this.#radio.ready()]);
  }

  async startGate(): Promise<void> {
    const args = [GATE, String(this.ports[GATE]), this.endpoint];
    const child = new Child(GATE, PROXY, args, this.secrets.variables(GATE));
    await child.reports.waitFor(`${GATE} to be ready`, ({ type }) => type === 'ready');
  }

  async startServer(name: Server): Promise<void> {
    const folder = join(this.#folder, name);
    await mkdir(folder, { recursive: true });
    const { ca, tokenFile } = this.secrets.of(name);
    const isHub = name === 'hub';
    const joinToken = isHub
      ? this.#hubToken
      : (this.secrets.variables(name)['KELPIE_JOIN_TOKEN'] ?? '');
    const config = {
      endpoints: [this.endpoint],
      labels: { mode: name },
      ...{ 'token-file': tokenFile, 'join-token': joinToken, tls: { ca } },
      ...(isHub && { 'direct-players': true, 'public-address': { host: HOST } }),
    };
    const server = await NukkitServer.start({ name, port: this.ports[name], folder, config });
    this.servers.set(name, server);
  }

  /** Ends all processes, and removes their files. */
  async forget(): Promise<void> {
    await Promise.all([this.#watch?.close(), this.#radio?.close()]);
    await Promise.all([NukkitServer.killAll(), Child.killAll()]);
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function running<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('not started yet');
  return part;
}
