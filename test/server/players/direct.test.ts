/** A server that players join directly: it is their proxy and their server. */
import { expect } from 'chai';
import { ErrorReason } from '../../../gen/ts/kelpie/v1/error.js';
import { NodeRole } from '../../../gen/ts/kelpie/v1/node.js';
import { DuplicatePolicy } from '../../../gen/ts/kelpie/v1/player.js';
import { CountPlayersRequest } from '../../../gen/ts/kelpie/v1/player_service.js';
import { GoodbyeReason, Heartbeat } from '../../../gen/ts/kelpie/v1/session_service.js';
import { digestOf } from '../../../server/players/digest.js';
import { openCoordinator, type TestCoordinator } from '../../support/model/coordinator.js';
import { about, joined, player, steve, TestProxy } from '../../support/model/proxy.js';
import { until } from '../../support/until.js';

const STEVE = '2535400000000001';
const { DOWNSTREAM: role } = NodeRole;

/** Where a player is: proxy and server. */
function placeOf({ playerRows }: TestCoordinator, id: string): string {
  const row = playerRows.onlineOf(id);
  return row ? `${row.proxy} ${row.server}` : 'offline';
}

describe('a server that players join directly', () => {
  it('is the proxy and the server of its players, and no report moves them', async () => {
    const town = await openCoordinator();
    const server = await TestProxy.join(town, 'Lobby', { role });
    await TestProxy.join(town, 'arena', { role });
    const generation = await server.bring(steve());
    expect(placeOf(town, STEVE)).to.equal('lobby lobby');
    await server.bring(player(1, { server: 'LOBBY' }));
    expect(placeOf(town, player(1).xuid)).to.equal('lobby lobby');
    const moves = ['arena', 'nowhere', 'LOBBY', ''].map((value) =>
      about(STEVE, generation, { $case: 'movedTo', value }),
    );
    const results = await server.report(...moves, joined(player(2, { server: 'arena' })));
    expect(results.map(({ error }) => error?.reason)).to.deep.equal([
      ErrorReason.PLAYER_INVALID,
      ErrorReason.PLAYER_INVALID,
      ...[undefined, undefined],
      ErrorReason.PLAYER_INVALID,
    ]);
    const fields = results.map(({ error }) => error?.metadata['field']);
    expect(fields).to.deep.equal(['moved_to', 'moved_to', undefined, undefined, 'server']);
    expect(placeOf(town, STEVE)).to.equal('lobby lobby');
  });

  it('counts each player once, also while proxies send it other players', async () => {
    const town = await openCoordinator();
    const server = await TestProxy.join(town, 'lobby', { role });
    const gate = await TestProxy.join(town, 'gate');
    await server.bring(player(1));
    await server.bring(player(2));
    await gate.bring(player(3, { server: 'lobby' }));
    await gate.bring(player(4));
    const count = async (roles: NodeRole[]) => {
      const nodes = { roles, states: [], labels: {} };
      const request = { ...CountPlayersRequest.create(), nodes };
      const { network, selected, nodes: counts } = await town.playerQueries.count(request);
      return { network, selected, counts: counts.map(({ name, players }) => `${name} ${players}`) };
    };
    expect(await count([])).to.deep.equal({
      ...{ network: 4, selected: 4, counts: ['gate 2', 'lobby 3'] },
    });
    expect(await count([role])).to.deep.equal({
      ...{ network: 4, selected: 3, counts: ['lobby 3'] },
    });
    expect(await count([NodeRole.PROXY])).to.deep.equal({
      ...{ network: 4, selected: 2, counts: ['gate 2'] },
    });
  });

  it('reconciles its list, and its digest names the server itself', async () => {
    const town = await openCoordinator();
    const server = await TestProxy.join(town, 'lobby', { role });
    const generation = await server.bring(steve());
    await server.bring(player(1));
    const newcomer = player(2);
    const { results, kickedPlayerIds } = await server.sync(
      [steve({ generation, server: 'lobby' }), newcomer],
      Number.MAX_SAFE_INTEGER,
    );
    expect(kickedPlayerIds).to.deep.equal([]);
    expect(placeOf(town, player(1).xuid), 'not on the list').to.equal('offline');
    const lines = results.map(({ playerId: id, generation: now }) => ({
      ...{ id, generation: now, server: 'lobby' },
    }));
    expect(lines.map(({ id }) => id).sort()).to.deep.equal([newcomer.xuid, STEVE]);
    const presence = { players: 2, digest: digestOf(lines) };
    for (let beat = 0; beat < 3; beat++) {
      server.stream.send({
        $case: 'heartbeat',
        value: { ...Heartbeat.create(), presence },
      });
      const frames = (await server.stream.pull()) ?? [];
      expect(frames.map(({ frame }) => frame?.$case)).to.deep.equal(['heartbeatAck']);
    }
  });

  it('holds a player, or a proxy does: the newer login wins', async () => {
    const town = await openCoordinator();
    const server = await TestProxy.join(town, 'lobby', { role });
    const gate = await TestProxy.join(town, 'gate');
    const first = await server.bring(steve());
    const denied = await gate.acquire(steve(), DuplicatePolicy.DENY_NEW);
    expect(denied).to.deep.include({ $case: 'denial' });
    expect(denied?.value).to.include({ proxy: 'lobby' });
    await gate.granted(steve(), DuplicatePolicy.KICK_OLD);
    const evicted = await server.stream.next('playerEvicted');
    expect(evicted).to.include({ playerId: STEVE, generation: first });
    expect(placeOf(town, STEVE)).to.equal('offline');
    await server.granted(steve(), DuplicatePolicy.KICK_OLD);
    expect(await gate.stream.next('playerEvicted')).to.include({ playerId: STEVE });
  });

  it('ends its own players when it leaves, and players of proxies stay', async () => {
    const town = await openCoordinator();
    const server = await TestProxy.join(town, 'lobby', { role });
    const gate = await TestProxy.join(town, 'gate');
    await server.bring(steve());
    await gate.bring(player(3, { server: 'lobby' }));
    server.stream.send({ $case: 'goodbye', value: { reason: GoodbyeReason.STOP } });
    await until(() => !town.nodeRows.nodes.get('lobby'));
    expect(placeOf(town, STEVE)).to.equal('offline');
    expect(placeOf(town, player(3).xuid)).to.equal('gate lobby');
  });
});
