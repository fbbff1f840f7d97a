/** Plugins move players over their sessions: proxies, servers and the plugin are clients of a real kelpied. */
import { expect } from 'chai';
import { connect, contextJson, type KelpieClient, KelpieError } from '../../client/index.js';
import { apiAt, type TransferUpdate } from '../../client/api/index.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { deferred } from '../support/deferred.js';
import { rejectionOf } from '../support/thrown.js';
import { FakeNetwork } from '../support/transfers/fake-network.js';
import {
  type FakeProxy,
  moveNobody,
  quit,
  refuse,
  replyFirst,
  sayNothing,
} from '../support/transfers/fake-proxy.js';
import { type FakeServer, NO_COMMANDS } from '../support/transfers/fake-server.js';
import { until } from '../support/until.js';

const steve = { xuid: '2535400000000001', name: 'Steve' };
const alex = { xuid: '2535400000000002', name: 'Alex' };
const arena = { server: 'arena-1' } as const;
const context = { spawn: [1, 2, 3] };

describe('a plugin that moves players', () => {
  let kelpied: Kelpied;
  let network: FakeNetwork;
  let gate: FakeProxy;
  let other: FakeProxy;
  let lobby: FakeServer;
  let game: FakeServer;
  /** Refuses players with this reason. */
  let closed: string | undefined;
  let plugin: KelpieClient;

  before(async () => {
    kelpied = await startKelpied(['--drain-seconds', '0']);
    network = new FakeNetwork({ endpoints: kelpied.endpoint });
    gate = await network.proxy('gate-1');
    other = await network.proxy('gate-2');
    lobby = await network.server('lobby-1', {}, { labels: { mode: 'lobby' } });
    const prepare = (): void => {
      if (closed !== undefined) throw new Error(closed);
    };
    game = await network.server('arena-1', { prepare_arrival: prepare }, { maxPlayers: 2 });
    await network.server('plain', NO_COMMANDS, { labels: { mode: 'plain' } });
    plugin = connect({
      name: 'plugin',
      role: 'SERVICE',
      endpoints: kelpied.endpoint,
      roster: { players: true },
    });
    await plugin.ready();
  });
  beforeEach(async () => {
    gate.moves = replyFirst;
    closed = undefined;
    await gate.bring(steve, 'lobby-1');
    await until(() => serverOf(steve) === 'lobby-1');
  });
  afterEach(async () => {
    for (const { xuid } of [steve, alex]) {
      await gate.leave(xuid);
      await other.leave(xuid);
    }
    await until(() => plugin.roster.players().length === 0);
    await until(() => plugin.pending === 0 && network.world.pending === 0);
  });
  after(async () => {
    await plugin.close();
    await network.close();
    await kelpied.stop();
  });

  const serverOf = ({ xuid }: { xuid: string }) => plugin.roster.player({ id: xuid })?.server;
  const move = (destination: Parameters<KelpieClient['move']>[1] = arena, timeoutMs = 20_000) =>
    plugin.move({ name: 'Steve' }, destination, { context, timeoutMs });
  const failed = async (moved: Promise<unknown>) => {
    const { reason, message } = await rejectionOf(KelpieError, moved);
    return [reason, message];
  };

  it('gets the target when the player is there, and both servers took part before', async () => {
    const { player, target } = await move();
    expect(target).to.equal('arena-1');
    expect(player.id).to.equal(steve.xuid);
    await until(() => serverOf(steve) === 'arena-1');
    const [arrival] = game.arrivals.splice(0);
    expect(contextJson(arrival?.context ?? new Uint8Array())).to.deep.equal(context);
    expect(arrival).to.deep.include({ playerName: 'Steve', fromServer: 'lobby-1', toProxy: '' });
    const [departure] = lobby.departures.splice(0);
    expect(departure).to.deep.include({ toServer: 'arena-1', toProxy: '' });
    expect(departure?.transferId).to.equal(arrival?.transferId);
    expect(game.confirmed.splice(0).map(({ transferId }) => transferId)).to.deep.equal([
      arrival?.transferId,
    ]);
    await until(() => lobby.ended.splice(0).some(({ error }) => error === undefined));
  });

  it('brings players through another proxy, with the context in the ticket of their login', async () => {
    const { target } = await move({ proxy: 'gate-2', server: 'arena-1' });
    expect(target).to.equal('gate-2');
    await until(() => serverOf(steve) === 'arena-1');
    expect(plugin.roster.player({ id: steve.xuid })?.proxy).to.equal('gate-2');
    const [ticket] = other.tickets.splice(0);
    expect(ticket).to.deep.include({ server: 'arena-1', fromServer: 'lobby-1' });
    expect(contextJson(ticket?.context ?? new Uint8Array())).to.deep.equal(context);
  });

  it('gets the progress of many players, and one end of each', async () => {
    await gate.bring(alex, 'lobby-1');
    await until(() => serverOf(alex) === 'lobby-1');
    const updates: TransferUpdate[] = [];
    const all = plugin.transfer({ server: 'lobby-1' }, { servers: { names: ['plain'] } });
    for await (const update of all) updates.push(update);
    const ends = updates.filter(({ stage }) => stage === 'ARRIVED' || stage === 'FAILED');
    expect(ends.map(({ playerName, target }) => `${playerName} ${target}`).sort()).to.deep.equal([
      'Alex plain',
      'Steve plain',
    ]);
    expect(updates.at(-1)?.playersLeft).to.equal(0);
    const stages = updates.filter(({ playerName }) => playerName === 'Steve');
    expect(stages.map(({ stage }) => stage)).to.deep.equal([
      'PREPARING_DEPARTURE',
      'MOVING',
      'ARRIVED',
    ]);
  });

  it('gets the reason why a player does not arrive', async () => {
    closed = 'the round has begun';
    expect(await failed(move())).to.deep.equal(['REJECTED_BY_TARGET', 'the round has begun']);
    closed = undefined;
    gate.moves = refuse('the player is in a form');
    expect(await failed(move())).to.deep.equal(['REJECTED_BY_PROXY', 'the player is in a form']);
    gate.moves = quit;
    expect((await failed(move()))[0]).to.equal('PLAYER_QUIT');
    expect((await failed(move()))[0], 'the player is offline').to.equal('PLAYER_NOT_FOUND');
    await gate.bring(steve, 'lobby-1');
    expect((await failed(move({ server: 'lobby-1' })))[0]).to.equal('ALREADY_THERE');
    expect((await failed(move({ server: 'arena-9' })))[0]).to.equal('NODE_NOT_FOUND');
    expect((await failed(move({ servers: { labels: { mode: 'x' } } })))[0]).to.equal('NO_TARGET');
    await plugin.api.nodes.update('arena-1', { state: 'DRAINING' });
    expect((await failed(move()))[0]).to.equal('SERVER_DRAINING');
    await plugin.api.nodes.update('arena-1', { state: 'READY' });
  });

  it('gets TIMED_OUT where the proxy says nothing, or says that it moved the player and did not', async () => {
    for (const moves of [sayNothing, moveNobody]) {
      gate.moves = moves;
      expect((await failed(move(arena, 100)))[0]).to.equal('TIMED_OUT');
    }
    gate.moves = sayNothing;
    gate.asked.length = 0;
    const first = failed(move(arena, 500));
    await until(() => gate.asked.length > 0);
    expect((await failed(move()))[0]).to.equal('TRANSFER_IN_PROGRESS');
    expect((await first)[0]).to.equal('TIMED_OUT');
  });

  it('gets the same by a call, where the failure of one player ends the call too', async () => {
    const api = apiAt(kelpied.endpoint);
    const stages: string[] = [];
    const read = async (destination: Parameters<KelpieClient['move']>[1]): Promise<void> => {
      const target = { player: { id: steve.xuid } };
      const options = { context: 'a text', timeoutMs: 20_000 };
      for await (const { stage } of api.players.transfer(target, destination, options))
        stages.push(stage);
    };
    await read(arena);
    expect(stages.splice(0).at(-1)).to.equal('ARRIVED');
    expect(Buffer.from(game.arrivals.at(-1)?.context ?? []).toString()).to.equal('a text');
    expect((await rejectionOf(KelpieError, read(arena))).reason).to.equal('ALREADY_THERE');
    expect(stages).to.deep.equal(['FAILED']);
    api.close();
  });

  it('gets OUTCOME_UNKNOWN if its stream breaks, and the transfer goes on', async () => {
    const asked = deferred<undefined>();
    const go = deferred<undefined>();
    gate.moves = async (request, proxy) => {
      asked.resolve(undefined);
      await go.promise;
      await proxy.carryOut(request);
    };
    const logger = { warn: (): void => undefined };
    const away = connect({ name: 'away', role: 'SERVICE', endpoints: kelpied.endpoint, logger });
    await away.ready();
    const moved = failed(away.move({ name: 'Steve' }, arena));
    await asked.promise;
    await plugin.api.nodes.disconnect('away');
    expect((await moved)[0]).to.equal('OUTCOME_UNKNOWN');
    go.resolve(undefined);
    await until(() => serverOf(steve) === 'arena-1');
    await away.close();
  });
});
