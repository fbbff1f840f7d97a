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
import { RedisServer } from '../support/redis/redis-server.js';
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
