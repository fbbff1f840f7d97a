/** A coordinator inside the process of a proxy. */
import { expect } from 'chai';
import { reachApi } from '../support/wire/calls.js';
import { connect, KelpieError } from '../../client/index.js';
import { startCoordinator } from '../../server/coordinator.js';
import { Inbox } from '../support/wire/inbox.js';
import { rejectionOf } from '../support/thrown.js';

describe('an embedded coordinator', () => {
  it('serves its own proxy without a socket, and other nodes over gRPC', async () => {
    const coordinator = await startCoordinator({ journal: 'memory', port: 0 });
    const endpoints = `127.0.0.1:${coordinator.port}`;
    const proxy = connect({ name: 'proxy-1', role: 'PROXY', transport: coordinator.transport() });
    const heard = new Inbox();
    proxy.subscribe('chat.>', heard.take);
    await proxy.ready();
    const lobby = connect({
      name: 'lobby-1',
      role: 'DOWNSTREAM',
      endpoints,
      address: { port: 19132 },
    });
    const answers = new Inbox();
    lobby.subscribe('inbox.lobby-1', answers.take);
    await lobby.ready();
    await lobby.publish('chat.global', 'hello from afar');
    expect((await heard.atLeast(1))[0]).to.include({
      content: 'hello from afar',
      source: 'lobby-1',
    });
    await proxy.publish('inbox.lobby-1', 'hello from inside');
    expect((await answers.atLeast(1))[0]).to.include({ content: 'hello from inside' });
    expect(proxy.roster.nodes().map(({ name }) => name)).to.deep.equal(['lobby-1', 'proxy-1']);
    await Promise.all([proxy.close(), lobby.close()]);
    await coordinator.stop();
  });

  it('does not handle the faults and signals of the process', async () => {
    const names = ['uncaughtException', 'unhandledRejection', 'SIGINT', 'SIGTERM', 'warning'];
    const listeners = () => names.map((name) => process.listenerCount(name));
    const before = listeners();
    const coordinator = await startCoordinator({ journal: 'memory', port: 0 });
    expect(listeners()).to.deep.equal(before);
    await coordinator.stop();
  });

  it('refuses with the same errors as over a wire', async () => {
    const coordinator = await startCoordinator({ journal: 'memory', port: 0 });
    const transport = coordinator.transport();
    const odd = connect({ name: 'Lobby 1', role: 'DOWNSTREAM', transport });
    const error = await rejectionOf(KelpieError, odd.ready());
    expect(error.reason).to.equal('NODE_NAME_INVALID');
    expect(error.metadata['proposal']).to.equal('lobby-1');
    await coordinator.stop();
  });

  it('lets its client move to the next coordinator after a drain', async () => {
    const first = await startCoordinator({ journal: 'memory', port: 0 });
    const second = await startCoordinator({ journal: 'memory', port: 0 });
    let current = first;
    const client = connect({
      name: 'mover',
      role: 'SERVICE',
      transport: (requests, signal) => current.transport()(requests, signal),
    });
    await client.ready();
    const connected = new Inbox<string>();
    void (async () => {
      for await (const status of client.status()) {
        if (status.type === 'connected') connected.take(status.welcome.coordinatorId);
      }
    })();
    current = second;
    await first.stop();
    expect(await connected.atLeast(2)).to.deep.equal([first.id, second.id]);
    await client.close();
    await second.stop();
  });

  it('can be one of several coordinators in one process', async () => {
    const [red, blue] = await Promise.all([
      startCoordinator({ journal: 'memory', port: 0 }),
      startCoordinator({ journal: 'memory', port: 0 }),
    ]);
    const clients = [red, blue].map(({ port }) =>
      connect({ name: 'bridge', role: 'SERVICE', endpoints: `127.0.0.1:${port}` }),
    );
    const inboxes = clients.map((client) => {
      const inbox = new Inbox();
      client.subscribe('chat.*', inbox.take);
      return inbox;
    });
    await Promise.all(clients.map((client) => client.ready()));
    await Promise.all(clients.map((client, index) => client.publish('chat.a', String(index))));
    const heard = await Promise.all(inboxes.map((inbox) => inbox.atLeast(1)));
    expect(heard.map((events) => events.map(({ content }) => content))).to.deep.equal([
      ['0'],
      ['1'],
    ]);
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all([red.stop(), blue.stop()]);
  });

  it('sends the loads of nodes to all readers', async () => {
    const coordinator = await startCoordinator({
      journal: 'memory',
      port: 0,
      times: { heartbeatMs: 20 },
    });
    const endpoints = `127.0.0.1:${coordinator.port}`;
    const load = () => ({ tps: 19.5, memoryUsedBytes: 2 ** 30 });
    const lobby = connect({ name: 'lobby-1', role: 'DOWNSTREAM', endpoints, load });
    const proxy = connect({ name: 'proxy-1', role: 'PROXY', transport: coordinator.transport() });
    await Promise.all([lobby.ready(), proxy.ready()]);
    // The second heartbeat is the first with a measured latency.
    while (proxy.roster.load('lobby-1')?.roundTripMs === undefined) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(proxy.roster.load('Lobby-1')).to.include({ tps: 19.5, memoryUsedBytes: 2 ** 30 });
    const api = await reachApi([endpoints]);
    expect((await api.nodes.getNode({ name: 'lobby-1' })).node?.load?.tps).to.equal(19.5);
    const { nodes } = await api.nodes.listNodes({});
    expect(nodes.map((node) => node.load?.tps)).to.deep.equal([19.5, undefined]);
    await lobby.close();
    api.close();
    await proxy.close();
    await coordinator.stop();
  });
});
