/** Changes of one fact of a player by their proxy and by a server, over a real coordinator. */
import { expect } from 'chai';
import { connect, type Transport } from '../../../client/index.js';
import { startCoordinator } from '../../../server/coordinator.js';
import { until } from '../../support/until.js';

describe('a change of a player by their proxy', () => {
  it('replaces the change of a server, also if the proxy was away when it made the change', async () => {
    const coordinator = await startCoordinator({ journal: 'memory', port: 0 });
    const roster = { players: true };
    let opened = Promise.resolve();
    let stream = new AbortController();
    const transport: Transport = async function* (requests, signal) {
      await opened;
      stream = new AbortController();
      yield* coordinator.transport()(requests, AbortSignal.any([signal, stream.signal]));
    };
    const players = { onEvicted: () => undefined };
    const proxy = connect({ name: 'proxy-1', role: 'PROXY', transport, players, roster });
    const server = connect({
      name: 'shop',
      role: 'SERVICE',
      transport: coordinator.transport(),
      roster,
    });
    await Promise.all([proxy.ready(), server.ready()]);
    const row = () => server.roster.player({ id: '1' });
    const facts = { xuid: '1', name: 'Steve', properties: { rank: 'none', team: 'red' } };
    await proxy.players.joined(facts);
    await until(() => row() !== undefined);
    const steve = row();
    if (!steve) throw new Error('the roster has no Steve');
    await server.players.update(steve, { properties: { rank: 'gold', team: 'gold' } });

    let open = (): void => undefined;
    opened = new Promise((resolve) => (open = resolve));
    stream.abort();
    await until(() => proxy.connectionState === 'AWAY');
    await proxy.players.changed('1', { properties: { rank: 'bronze' } });
    open();
    await until(() => proxy.connectionState === 'CONNECTED');
    // The answer to this report comes after the answers to the list and to the change.
    await proxy.players.moved('1', 'lobby');
    await until(() => row()?.server === 'lobby');
    expect(row()?.properties).to.deep.equal({ rank: 'bronze', team: 'gold' });

    await proxy.players.joined(facts);
    await proxy.players.moved('1', 'arena');
    await until(() => row()?.server === 'arena');
    const after = 'a join of a player who is in replaces only facts that no other node changed';
    expect(row()?.properties, after).to.deep.equal({ rank: 'none', team: 'gold' });
    await Promise.all([proxy.close(), server.close()]);
    await coordinator.stop();
  });
});
