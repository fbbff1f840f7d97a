/** A plugin's life: its state, its name, its end, the events that it takes by kind, and the calls that it makes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import {
  connect,
  type ConnectOptions,
  type KelpieClient,
  KelpieError,
} from '../../client/index.js';
import { type Coordinator, startCoordinator } from '../../server/coordinator.js';
import { rejectionOf, thrownBy } from '../support/thrown.js';
import { until } from '../support/until.js';
import { Inbox } from '../support/wire/inbox.js';

const index = new URL('../../client/index.js', import.meta.url).href;

describe('a plugin', () => {
  let coordinator: Coordinator;
  const open: KelpieClient[] = [];

  const join = (name: string, more: Partial<ConnectOptions> = {}): KelpieClient => {
    const endpoints = `127.0.0.1:${coordinator.port}`;
    const client = connect({ name, role: 'SERVICE', endpoints, ...more });
    open.push(client);
    return client;
  };

  beforeEach(async () => {
    coordinator = await startCoordinator({ journal: 'memory', port: 0 });
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((client) => client.close()));
    await coordinator.stop();
  });

  it('has a state and a name, and an end that resolves without an error', async () => {
    const shop = join('Shop-1');
    expect([shop.connectionState, shop.name]).to.deep.equal(['CONNECTING', 'shop-1']);
    await shop.ready();
    expect(shop.connectionState).to.equal('CONNECTED');
    const { port } = coordinator;
    await coordinator.stop();
    await until(() => shop.connectionState === 'AWAY');
    coordinator = await startCoordinator({ journal: 'memory', port });
    await until(() => shop.connectionState === 'CONNECTED');
    await shop.close();
    expect([shop.connectionState, await shop.closed]).to.deep.equal(['CLOSED', undefined]);
  });

  it('ends with the error that the coordinator gives', async () => {
    await join('taken').ready();
    const second = join('taken');
    await rejectionOf(KelpieError, second.ready());
    expect((await second.closed)?.reason).to.equal('NODE_NAME_IN_USE');
    expect(second.connectionState).to.equal('CLOSED');
  });

  it('takes the events of players and nodes by their kind', async () => {
    const seen = new Inbox<string>();
    const shop = join('shop');
    const stop = shop.players.on('joined', ({ player }) => seen.take(`${player.name} joined`));
    shop.players.on('moved', ({ player, fromServer }) =>
      seen.take(`${player.name}: ${fromServer} to ${player.server}`),
    );
    shop.players.on('left', ({ player, reason }) => seen.take(`${player.name} left: ${reason}`));
    shop.nodes.on('updated', ({ node }, { topic }) => seen.take(`${topic} is ${node.state}`));
    shop.nodes.on('left', ({ node, reason }) => seen.take(`${node.name} left: ${reason}`));
    await shop.ready();
    const proxy = join('gate', { role: 'PROXY', players: { onEvicted: () => undefined } });
    await proxy.ready();
    await proxy.players.joined({ xuid: '1', name: 'Alex', server: 'lobby' });
    await proxy.players.moved('1', 'arena');
    await proxy.players.left('1', 'KICKED');
    await proxy.update({ state: 'DRAINING' });
    await seen.atLeast(4);
    stop();
    await proxy.players.joined({ xuid: '2', name: 'Steve' });
    await proxy.close();
    expect(await seen.atLeast(6)).to.deep.equal([
      'Alex joined',
      'Alex: lobby to arena',
      'Alex left: KICKED',
      'nodes.gate is DRAINING',
      'Steve left: PROXY_LOST',
      'gate left: STOPPED',
    ]);
  });

  it('refuses names of events that do not exist, and players where there are none', async () => {
    const shop = join('shop');
    const odd = (): unknown =>
      Reflect.apply(shop.players.on.bind(shop.players), null, ['came', odd]);
    expect(thrownBy(KelpieError, odd).message).to.contain('joined, moved, updated, left');
    const error = await rejectionOf(KelpieError, shop.players.joined({ xuid: '1', name: 'Alex' }));
    expect(error.reason).to.equal('ROLE_HOLDS_NO_PLAYERS');
  });

  it('makes every call of the contract at the coordinator of its session, until it ends', async () => {
    const shop = join('shop');
    await shop.ready();
    const names: string[] = [];
    for await (const { name } of shop.api.nodes.all()) names.push(name);
    expect(names).to.deep.equal(['shop']);
    expect(shop.api, 'one connection').to.equal(shop.api);
    await shop.close();
    expect(thrownBy(KelpieError, () => shop.api).reason).to.equal('CLOSED');
    const inside = join('inside', { transport: coordinator.transport() });
    expect(thrownBy(KelpieError, () => inside.api).message).to.contain('apiAt');
  });

  it('stops in order on SIGTERM: what it published is stored, and its process ends by itself', async () => {
    const seen = new Inbox<string>();
    const shop = join('shop');
    shop.subscribe('news', ({ content }) => seen.take(content as string));
    shop.nodes.on('left', ({ node, reason }) => seen.take(`${node.name} left: ${reason}`));
    await shop.ready();
    const source = `
      const { connect } = await import('${index}');
      const kelpie = connect({ name: 'lobby', role: 'DOWNSTREAM', endpoints: '127.0.0.1:${coordinator.port}' });
      process.once('SIGTERM', () => {
        for (let count = 1; count <= 3; count++) void kelpie.publish('news', String(count));
        void kelpie.close();
      });
      await kelpie.ready();
      process.kill(process.pid, 'SIGTERM');
      console.log(String(await kelpie.closed));`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', source], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    child.stdout.on('data', (text: Buffer) => (printed += text.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    expect([code, printed]).to.deep.equal([0, 'undefined\n']);
    expect(await seen.atLeast(4)).to.deep.equal(['1', '2', '3', 'lobby left: STOPPED']);
  });
});
