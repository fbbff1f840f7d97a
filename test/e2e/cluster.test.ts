/** Several coordinators on one real Redis. */
import { expect } from 'chai';
import { connect, type ConnectOptions, type KelpieClient } from '../../client/index.js';
import {
  type Coordinator,
  type CoordinatorOptions,
  startCoordinator,
} from '../../server/coordinator.js';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';
import { runKelpied, startKelpied } from '../support/process/kelpied.js';
import { healthOf } from '../support/process/health.js';
import { FaultProxy } from '../support/faults/fault-proxy.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { inSoak } from '../support/soak.js';
import { until } from '../support/until.js';
import { Inbox } from '../support/wire/inbox.js';

describe('two coordinators on one Redis', () => {
  let redis: RedisServer;
  let coordinators: Coordinator[];
  let clients: KelpieClient[];
  let folder: string;

  before(async () => {
    redis = await RedisServer.start();
    folder = dataFolder();
  });
  beforeEach(async () => {
    await redis.command('FLUSHALL');
    [coordinators, clients] = [[], []];
  });
  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(coordinators.map((one) => one.stop()));
  });
  after(async () => {
    await redis.stop();
    removeDataFolders();
  });

  async function start(options: CoordinatorOptions = {}): Promise<Coordinator> {
    const one = { journal: 'redis', redis: { url: redis.url }, port: 0 } as const;
    const coordinator = await startCoordinator({ ...one, ...options });
    coordinators.push(coordinator);
    return coordinator;
  }

  function join(name: string, at: readonly Coordinator[], options: Partial<ConnectOptions> = {}) {
    const endpoints = at.map(({ endpoint }) => endpoint).join(',');
    const client = connect({ name, role: 'DOWNSTREAM', endpoints, ...options });
    clients.push(client);
    return client;
  }

  it('show each the events and nodes of the other', async () => {
    const [first, second] = [await start(), await start()];
    const [lobby, arena] = [join('lobby', [first]), join('arena', [second])];
    const inboxes = [lobby, arena].map((client) => {
      const inbox = new Inbox();
      client.subscribe('chat', inbox.take);
      return inbox;
    });
    await Promise.all([lobby.ready(), arena.ready()]);
    await lobby.publish('chat', 'from the lobby');
    await arena.publish('chat', 'from the arena');
    const heard = await Promise.all(inboxes.map((inbox) => inbox.atLeast(2)));
    for (const events of heard) {
      expect(events.map(({ content }) => content)).to.deep.equal([
        'from the lobby',
        'from the arena',
      ]);
    }
    const names = (client: KelpieClient) => client.roster.nodes().map(({ name }) => name);
    await until(() => names(lobby).length === 2 && names(arena).length === 2);
    expect(names(lobby)).to.deep.equal(names(arena));
  });

  it('share credentials: the first one closes both', async () => {
    const [first, second] = [await start(), await start()];
    const token = await first.createToken({ name: 'lobby', preset: 'server' });
    expect(first.asksForCredentials).to.equal(true);
    await until(() => second.asksForCredentials);
    const lobby = join('lobby', [second], { token });
    await lobby.ready();
    const stranger = join('stranger', [second]);
    const error = await stranger.ready().catch((reason: unknown) => reason);
    expect(error).to.include({ reason: 'CREDENTIAL_REQUIRED' });
  });

  it('open the networks that Redis has, at the start', async () => {
    const first = await start();
    const token = await first.createToken({ name: 'x', preset: 'server', network: 'test' });
    const node = join('x', [first], { token });
    await node.ready();
    const second = await start();
    expect(second.networks).to.deep.equal(['main', 'test']);
  });

  it('do not start without Redis', async () => {
    const nowhere = { url: 'redis://127.0.0.1:1' };
    const error = await start({ redis: nowhere }).catch((reason: unknown) => reason);
    expect(String(error)).to.contain('Redis');
  });

  it('are programs too: kelpied token makes the credentials, and nobody sees the password', async () => {
    await redis.command('CONFIG', 'SET', 'requirepass', 'secret-word');
    const url = redis.url.replace('//', '//default:secret-word@');
    const env = { KELPIE_JOURNAL: 'redis', KELPIE_REDIS: url };
    try {
      const made = await runKelpied(['token', 'create', '--json'], env, folder);
      expect(made).to.include({ code: 0, errors: '' });
      const { token } = JSON.parse(made.output) as { token: string };
      const shown = await runKelpied(['config'], env, folder);
      expect(shown.output).to.contain('redis://default:***@').and.not.to.contain('secret-word');
      const visible = await runKelpied(['--redis', url], { KELPIE_JOURNAL: 'redis' }, folder);
      expect(visible.code).to.equal(2);
      expect(visible.errors).to.contain('KELPIE_REDIS').and.not.to.contain('secret-word');
      const programs = await Promise.all([1, 2].map(() => startKelpied([], folder, env)));
      const nodes = programs.map(({ endpoint: endpoints }, index) =>
        connect({ name: `node-${index}`, role: 'SERVICE', endpoints, token }),
      );
      clients.push(...nodes);
      await Promise.all(nodes.map((node) => node.ready()));
      await until(() => nodes.every((node) => node.roster.nodes().length === 2));
      await Promise.all(nodes.map((node) => node.close()));
      expect(await Promise.all(programs.map((one) => one.stop()))).to.deep.equal([0, 0]);
    } finally {
      await redis.command(
        '-a',
        'secret-word',
        '--no-auth-warning',
        'CONFIG',
        'SET',
        'requirepass',
        '',
      );
    }
  });
});

/** Shorter than in life, so that a coordinator notices soon that it is cut off. */
const ALIVE_MS = 800;
const GRACE_MS = 3000;
const TEN_MINUTES_MS = 600_000;

describe('a coordinator whose Redis is away', () => {
  let redis: RedisServer;
  let coordinators: Coordinator[];
  let proxies: FaultProxy[];
  let nodes: Node[];

  beforeEach(async () => {
    redis = await RedisServer.start({ persistent: true });
    [coordinators, proxies, nodes] = [[], [], []];
  });
  afterEach(async () => {
    await Promise.all(nodes.map(({ client }) => client.close()));
    await Promise.all(coordinators.map((one) => one.stop()));
    await Promise.all(proxies.map((one) => one.close()));
    await redis.stop();
  });

  async function start(url = redis.url, aliveMs = ALIVE_MS): Promise<Coordinator> {
    const times = { aliveMs, graceMs: GRACE_MS };
    const coordinator = await startCoordinator({
      journal: 'redis',
      redis: { url },
      port: 0,
      times,
    });
    coordinators.push(coordinator);
    return coordinator;
  }

  interface Node {
    readonly client: KelpieClient;
    readonly heard: string[];
    /** Everything but its first connections and refusals. */
    readonly statuses: string[];
    /** The ids of the coordinators that welcomed it. */
    readonly coordinators: string[];
  }

  async function join(
    name: string,
    at: readonly Coordinator[],
    options: Partial<ConnectOptions> = {},
  ): Promise<Node> {
    const endpoints = at.map(({ endpoint }) => endpoint);
    const client = connect({ name, role: 'DOWNSTREAM', endpoints, ...options });
    const none: [string[], string[], string[]] = [[], [], []];
    const [heard, statuses, coordinators] = none;
    client.subscribe('chat', ({ content }) => void heard.push(content as string));
    for (const topic of ['nodes.*', 'players.*']) {
      client.subscribe(topic, ({ body }) => void heard.push(body?.kind ?? ''));
    }
    await client.ready();
    void (async () => {
      for await (const status of client.status()) {
        if (status.type === 'connected') coordinators.push(status.welcome.coordinatorId);
        if (['gap', 'connected'].includes(status.type)) statuses.push(status.type);
        if (status.type === 'disconnected') statuses.push(status.error?.reason ?? 'in order');
      }
    })();
    const node = { client, heard, statuses, coordinators };
    nodes.push(node);
    return node;
  }

  const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  const left = ({ heard }: Node): string[] => heard.filter((one) => one.endsWith('Left'));

  /** The first outcome of publishes that begin now: `stored`, or a reason. Each publish ends soon. */
  async function publish({ client }: Node, text: string): Promise<string> {
    const end = client.publish('chat', text).then(
      () => 'stored',
      (error: unknown) => (error as { reason: string }).reason,
    );
    return Promise.race([end, pass(10_000).then(() => 'late')]);
  }

  /** Publishes until it is stored. */
  async function storedAt(node: Node, text: string): Promise<string> {
    let outcome = await publish(node, text);
    for (let tries = 0; outcome === 'ENGINE_UNAVAILABLE' && tries < 100; tries++) {
      await pass(100);
      outcome = await publish(node, text);
    }
    return outcome;
  }

  for (const [name, awayMs] of [
    ['for a moment', ALIVE_MS / 4],
    ['for longer than the grace', 2 * GRACE_MS],
    ...inSoak([['for ten minutes', TEN_MINUTES_MS] as const], []),
  ] as const) {
    it(`keeps its sessions ${name}, refuses writes at once, and goes on afterwards`, async () => {
      const wire = await FaultProxy.before(redis.port);
      proxies.push(wire);
      const url = `redis://${wire.endpoint}`;
      const [first, second] = [await start(url), await start(url)];
      const evicted: unknown[] = [];
      const players = { onEvicted: (one: unknown) => void evicted.push(one) };
      const gate = await join('gate', [first, second], { role: 'PROXY', players });
      const lobby = await join('lobby', [second]);
      await gate.client.players.joined({ xuid: '2535400000000001', name: 'Steve' });
      expect(await publish(lobby, 'before')).to.equal('stored');
      await until(() => gate.heard.includes('before'));
      wire.refuse();
      const refused = await publish(lobby, 'meanwhile');
      expect(refused).to.equal('ENGINE_UNAVAILABLE');
      await pass(awayMs);
      wire.heal();
      expect(await storedAt(lobby, 'after')).to.equal('stored');
      await until(() => [gate, lobby].every(({ heard }) => heard.includes('after')));
      // Longer than the grace: nobody is lost later either.
      await pass(GRACE_MS + ALIVE_MS);
      for (const node of [gate, lobby]) {
        // It may have moved to the other coordinator, and was never without one.
        expect(new Set(node.statuses)).to.deep.equal(new Set(['connected']));
        expect(left(node)).to.deep.equal([]);
        expect(node.heard.filter((one) => one === 'after')).to.have.length(1);
        expect(node.heard).not.to.include('meanwhile');
      }
      expect(gate.client.players.size).to.equal(1);
      expect(evicted).to.deep.equal([]);
    }).timeout(awayMs + 30_000);
  }

  it('keeps its sessions when Redis stands still with writes under way, and settles those later', async () => {
    const coordinator = await start();
    const onEvicted = (): void => expect.fail('no player is evicted');
    const roster = { players: true };
    const gate = await join('gate', [coordinator], {
      role: 'PROXY',
      players: { onEvicted },
      roster,
    });
    const lobby = await join('lobby', [coordinator]);
    const { players } = gate.client;
    const [steve, alex] = ['2535400000000001', '2535400000000002'];
    await players.joined({ xuid: alex, name: 'Alex' });
    expect(await publish(lobby, 'before')).to.equal('stored');
    redis.pause();
    const reported = [players.joined({ xuid: steve, name: 'Steve' }), players.left(alex)];
    const underWay = await Promise.all([publish(lobby, 'first'), publish(lobby, 'second')]);
    expect(underWay[0]).to.equal('OUTCOME_UNKNOWN');
    expect(underWay[1]).to.be.oneOf(['OUTCOME_UNKNOWN', 'ENGINE_UNAVAILABLE']);
    expect(await publish(lobby, 'meanwhile')).to.equal('ENGINE_UNAVAILABLE');
    await Promise.all(reported);
    redis.resume();
    expect(await storedAt(lobby, 'after')).to.equal('stored');
    await until(() => gate.heard.includes('after'));
    const names = (): string[] => gate.client.roster.players().map(({ name }) => name);
    await until(() => names().join() === 'Steve');
    const chat = gate.heard.filter((one) => !one.startsWith('player') && !one.startsWith('node'));
    expect(chat.filter((one) => one === 'first').length).to.be.at.most(1);
    expect(chat).to.deep.equal([...new Set(chat)]);
    for (const { statuses } of [gate, lobby]) expect(statuses).to.deep.equal(['connected']);
  });

  it('lets a node leave whose claim was stored, while its answer was lost and the node went away', async () => {
    const wire = await FaultProxy.before(redis.port);
    proxies.push(wire);
    const reader = await join('reader', [await start()]);
    // It counts as alive all the time: nobody else ends the node.
    const first = await start(`redis://${wire.endpoint}`, 10_000);
    // Redis gets the claim, and the coordinator gets no answer until after it has given up.
    wire.set({ toClient: { drop: true } });
    const ghost = connect({ name: 'ghost', role: 'DOWNSTREAM', endpoints: first.endpoint });
    await until(() => reader.heard.includes('nodeJoined'));
    wire.refuse();
    const closed = ghost.close();
    await pass(2500);
    wire.heal();
    await until(() => left(reader).length > 0);
    await closed;
    expect(reader.client.roster.nodes().map(({ name }) => name)).to.deep.equal(['reader']);
    expect(left(reader)).to.deep.equal(['nodeLeft']);
  });

  it('moves its nodes to another coordinator if it alone is cut off, and serves again', async () => {
    const wire = await FaultProxy.before(redis.port);
    proxies.push(wire);
    const first = await start(`redis://${wire.endpoint}`);
    const second = await start();
    const lobby = await join('lobby', [first, second]);
    const alone = await join('alone', [first]);
    const reader = await join('reader', [second]);
    expect(lobby.coordinators).to.deep.equal([first.id]);
    const health = () => healthOf(first.endpoint, '');
    expect(await health()).to.equal('SERVING');
    wire.refuse();
    await until(() => lobby.coordinators.at(-1) === second.id);
    expect(await health()).to.equal('NOT_SERVING');
    expect(await publish(lobby, 'moved')).to.equal('stored');
    await until(() => reader.heard.includes('moved'));
    expect(lobby.statuses).to.deep.equal(['connected', 'connected']);
    expect(alone.statuses).to.deep.equal(['connected']);
    wire.heal();
    await until(() => alone.heard.includes('moved'));
    while ((await health()) !== 'SERVING') await pass(20);
    expect(alone.heard.filter((one) => one === 'moved')).to.have.length(1);
    expect(left(reader)).to.deep.equal([]);
  });

  for (const [name, persistent] of [
    ['that keeps its data', true],
    ['that forgets all', false],
  ] as const) {
    it(`begins a new epoch when a Redis ${name} is started again, and nobody leaves`, async () => {
      await redis.stop();
      redis = await RedisServer.start({ persistent });
      const [first, second] = [await start(), await start()];
      const onEvicted = (): void => expect.fail('no player is evicted');
      const gate = await join('gate', [first, second], { role: 'PROXY', players: { onEvicted } });
      const lobby = await join('lobby', [second]);
      await gate.client.players.joined({ xuid: '2535400000000001', name: 'Steve' });
      expect(await publish(lobby, 'before')).to.equal('stored');
      await until(() => gate.heard.includes('before'));
      await redis.restart();
      await until(() => [gate, lobby].every(({ statuses }) => statuses.includes('gap')));
      expect(await storedAt(lobby, 'after')).to.equal('stored');
      await until(() => [gate, lobby].every(({ heard }) => heard.includes('after')));
      await pass(GRACE_MS + ALIVE_MS);
      for (const node of [gate, lobby]) {
        expect(left(node)).to.deep.equal([]);
        expect(node.heard.filter((one) => one === 'after')).to.have.length(1);
        const ends = node.statuses.filter((one) => one !== 'connected');
        expect(ends).to.deep.equal(['EPOCH_ENDED', 'gap']);
      }
      expect(gate.client.roster.nodes().map((node) => node.name)).to.deep.equal(['gate', 'lobby']);
      expect(gate.client.players.size).to.equal(1);
    });
  }
});
