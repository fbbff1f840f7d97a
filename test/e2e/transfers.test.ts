/** Transfers through a real coordinator: nodes of the client carry them out, and an issuer reads their progress. */
import { expect } from 'chai';
import { connect, type Destination, KelpieError, type KelpieClient } from '../../client/index.js';
import type { TransferUpdate } from '../../client/index.js';
import { type Api, apiAt } from '../../client/api/index.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { FakeNetwork } from '../support/transfers/fake-network.js';
import {
  moveNobody,
  type Moving,
  quit,
  refuse,
  replyFirst,
  sayNothing,
} from '../support/transfers/fake-proxy.js';
import { NO_COMMANDS } from '../support/transfers/fake-server.js';
import { rejectionOf } from '../support/thrown.js';
import { Wire } from '../support/wire/wire.js';
import { until } from '../support/until.js';

const STEVE = '2535400000000001';
const steve = { xuid: STEVE, name: 'Steve' };
const alex = { xuid: '2535400000000002', name: 'Alex' };
const timeoutMs = 20_000;

/** The end of a transfer for tests. */
async function endOf(issuer: KelpieClient, to: Destination, limitMs = timeoutMs): Promise<string> {
  try {
    await issuer.move({ id: STEVE }, to, { timeoutMs: limitMs });
    return 'ARRIVED';
  } catch (error) {
    if (error instanceof KelpieError) return error.reason;
    throw error;
  }
}

async function all(updates: AsyncIterable<TransferUpdate>): Promise<TransferUpdate[]> {
  const list: TransferUpdate[] = [];
  for await (const one of updates) list.push(one);
  return list;
}

/** Resolves once the coordinator answers so. */
async function once(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve));
}

/** Never settles by itself. */
const hang = (): Promise<never> => new Promise(() => undefined);

describe('transfers', () => {
  let kelpied: Kelpied;
  let network: FakeNetwork;
  let issuer: KelpieClient;
  let api: Api;

  before(async () => {
    kelpied = await startKelpied();
    api = apiAt(kelpied.endpoint);
  });
  beforeEach(async () => {
    network = new FakeNetwork({ endpoints: kelpied.endpoint });
    issuer = connect({ name: 'shop', role: 'SERVICE', endpoints: kelpied.endpoint });
    await issuer.ready();
  });
  afterEach(async () => {
    await until(() => issuer.pending === 0);
    await issuer.close();
    await network.close();
  });
  after(async () => {
    api.close();
    await kelpied.stop();
  });

  /** A proxy with Steve on the lobby, and an arena. */
  async function town(moves?: Moving) {
    const lobby = await network.server('lobby');
    const arena = await network.server('arena', {}, { maxPlayers: 2 });
    const gate = await network.proxy('gate', moves ? { moves } : {});
    await gate.bring(steve, 'lobby');
    return { lobby, arena, gate };
  }

  /** The server of a player in the coordinator's table. */
  const serverOf = async (id = STEVE): Promise<string> => (await api.players.get({ id })).server;

  /** The slots that reservations hold on all nodes. */
  async function reserved(): Promise<number> {
    let slots = 0;
    for await (const node of api.nodes.all()) slots += node.reservedSlots;
    return slots;
  }

  it('ask the target, then the source, then the proxy, and end when both ends have confirmed', async () => {
    const { lobby, arena, gate } = await town();
    const context = new TextEncoder().encode('spawn 7');
    const updates = await all(
      issuer.transfer({ player: { id: STEVE } }, { server: 'ARENA' }, { context, timeoutMs }),
    );
    expect(updates.map(({ stage }) => stage)).to.deep.equal([
      'PREPARING_ARRIVAL',
      'PREPARING_DEPARTURE',
      'MOVING',
      'CONFIRMING',
      'ARRIVED',
    ]);
    expect(updates.every(({ target }) => target === 'arena')).to.equal(true);
    expect(updates.map(({ playersLeft }) => playersLeft)).to.deep.equal([1, 1, 1, 1, 0]);
    expect(arena.arrivals).to.have.length(1);
    expect(lobby.departures[0]?.toServer).to.equal('arena');
    expect(gate.asked).to.have.length(1);
    await until(() => lobby.ended.length === 1);
    expect(lobby.ended[0]?.error).to.equal(undefined);
    expect(arena.ended, 'the target learns of failures alone').to.deep.equal([]);
  });

  it('skip nodes that announced no commands, but not the proxy', async () => {
    await network.server('lobby', NO_COMMANDS);
    await network.server('arena', NO_COMMANDS);
    const gate = await network.proxy('gate', { moves: replyFirst });
    await gate.bring(steve, 'lobby');
    const updates = await all(
      issuer.transfer({ player: { id: STEVE } }, { server: 'arena' }, { timeoutMs }),
    );
    expect(updates.map(({ stage }) => stage)).to.deep.equal(['MOVING', 'ARRIVED']);
    const mute = await network.proxy('mute', { moves: undefined });
    await mute.bring(alex, 'lobby');
    const asked = issuer.move({ id: alex.xuid }, { server: 'arena' });
    const error = await rejectionOf(KelpieError, asked);
    expect(error.reason).to.equal('COMMAND_NOT_HANDLED');
    expect(error.metadata).to.deep.equal({ name: 'mute', command: 'transfer_player' });
  });

  it('to a bad place fail at once, with the reason', async () => {
    const { arena, gate } = await town();
    await network.server('full', {}, { maxPlayers: 0 });
    await network.server('closing', {}, { state: 'DRAINING' });
    const inner = connect({ name: 'private', role: 'PROXY', endpoints: kelpied.endpoint });
    await inner.ready();
    const wire = new Wire(kelpied.endpoint);
    const { stream } = await wire.join('lost', { role: 'NODE_ROLE_DOWNSTREAM' });
    stream.cut();
    await once(async () => (await api.nodes.get('lost')).state === 'UNREACHABLE');
    const ends: [Destination, string][] = [
      [{ server: 'lobby' }, 'ALREADY_THERE'],
      [{ server: 'full' }, 'SERVER_FULL'],
      [{ server: 'closing' }, 'SERVER_DRAINING'],
      [{ server: 'lost' }, 'SERVER_UNREACHABLE'],
      [{ server: 'nowhere' }, 'NODE_NOT_FOUND'],
      [{ server: 'gate' }, 'NODE_NOT_FOUND'],
      [{ servers: { labels: { mode: 'none' } } }, 'NO_TARGET'],
      [{ servers: { names: ['full'] } }, 'SERVER_FULL'],
      [{ servers: { names: ['lobby'] } }, 'ALREADY_THERE'],
      [{ proxy: 'gate' }, 'ALREADY_THERE'],
      [{ proxy: 'private' }, 'NO_PUBLIC_ADDRESS'],
      [{ proxy: 'nowhere' }, 'NODE_NOT_FOUND'],
      [{ proxy: 'shop' }, 'NODE_NOT_FOUND'],
    ];
    for (const [to, reason] of ends)
      expect(await endOf(issuer, to), JSON.stringify(to)).to.equal(reason);
    const missing = issuer.move({ name: 'Nobody' }, { server: 'arena' });
    expect((await rejectionOf(KelpieError, missing)).reason).to.equal('PLAYER_NOT_FOUND');
    const none = all(issuer.transfer({ server: 'arena' }, { server: 'lobby' }));
    expect((await rejectionOf(KelpieError, none)).reason).to.equal('NO_TARGET');
    expect([arena.arrivals.length, gate.asked.length], 'nobody was asked').to.deep.equal([0, 0]);
    await inner.close();
    wire.close();
    await once(async () => (await reserved()) === 0);
  });

  it('that a node refuses, or does not answer, name the node; the others learn of the end', async () => {
    const { lobby, arena, gate } = await town();
    await network.server('arena-2', {
      prepare_arrival: () => {
        throw new Error('the round has begun');
      },
    });
    const refused = await rejectionOf(
      KelpieError,
      issuer.move({ id: STEVE }, { server: 'arena-2' }),
    );
    expect([refused.reason, refused.message]).to.deep.equal([
      'REJECTED_BY_TARGET',
      'the round has begun',
    ]);
    expect(refused.metadata).to.deep.equal({ name: 'arena-2' });
    expect(lobby.departures, 'the source is asked after the target').to.deep.equal([]);
    gate.moves = refuse('not in this world');
    expect(await endOf(issuer, { server: 'arena' })).to.equal('REJECTED_BY_PROXY');
    await until(() => lobby.ended.length === 1 && arena.ended.length === 1);
    expect(lobby.ended[0]?.error?.reason).to.equal('REJECTED_BY_PROXY');
    const begun = Date.now();
    gate.moves = moveNobody;
    expect(await endOf(issuer, { server: 'arena' }, 600)).to.equal('TIMED_OUT');
    gate.moves = sayNothing;
    const silent = await rejectionOf(
      KelpieError,
      issuer.move({ id: STEVE }, { server: 'arena' }, { timeoutMs: 600 }),
    );
    expect(silent.reason).to.equal('TIMED_OUT');
    expect(silent.message).to.contain('the player may arrive later');
    expect(Date.now() - begun).to.be.at.least(1200);
    await network.server('slow', { prepare_arrival: hang });
    const slow = await rejectionOf(
      KelpieError,
      issuer.move({ id: STEVE }, { server: 'slow' }, { timeoutMs: 400 }),
    );
    expect([slow.reason, slow.metadata['name']]).to.deep.equal(['TIMED_OUT', 'slow']);
    expect(slow.message).to.contain('nobody moved the player');
    expect(await serverOf()).to.equal('lobby');
    await once(async () => (await reserved()) === 0);
  });

  it('end when the player, the target or the proxy is gone', async () => {
    const { lobby, gate } = await town(quit);
    expect(await endOf(issuer, { server: 'arena' })).to.equal('PLAYER_QUIT');
    await gate.bring(steve, 'lobby');
    const dying = await network.server('dying', { prepare_arrival: hang });
    const gone = endOf(issuer, { server: 'dying' });
    await until(() => dying.arrivals.length === 1);
    await dying.client.close();
    expect(await gone).to.equal('TARGET_LOST');
    gate.moves = sayNothing;
    const lost = endOf(issuer, { server: 'arena' });
    await until(() => gate.asked.length === 2);
    await gate.client.close();
    expect(await lost).to.equal('PROXY_LOST');
    await until(() => lobby.ended.length === 2);
    await once(async () => (await reserved()) === 0);
  });

  it('to another place than the target are no arrival', async () => {
    const { gate } = await town((_, proxy) => proxy.move(STEVE, 'elsewhere'));
    await network.server('elsewhere');
    const error = await rejectionOf(KelpieError, issuer.move({ id: STEVE }, { server: 'arena' }));
    expect(error.reason).to.equal('REJECTED_BY_PROXY');
    expect(error.message).to.contain('on "elsewhere" of "gate"');
    expect(gate.asked).to.have.length(1);
  });

  it('of one player run one at a time, whoever issues them', async () => {
    const { gate } = await town(sayNothing);
    const first = endOf(issuer, { server: 'arena' });
    await until(() => gate.asked.length === 1);
    const update = await all(
      api.players.transfer({ player: { id: STEVE } }, { server: 'arena' }),
    ).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect((update as KelpieError).reason).to.equal('TRANSFER_IN_PROGRESS');
    await gate.move(STEVE, 'arena');
    expect(await first, 'the proxy never replied').to.equal('ARRIVED');
  });

  it('never overfill a server, and choose among servers by their players', async () => {
    const { gate } = await town();
    for (let number = 10; number < 16; number++) {
      await gate.bring({ xuid: String(number), name: `Player ${number}` }, 'lobby');
    }
    const updates = await all(issuer.transfer({ server: 'lobby' }, { server: 'arena' }));
    const ends = updates.filter(({ stage }) => stage === 'ARRIVED' || stage === 'FAILED');
    expect(ends.map(({ stage }) => stage).sort()).to.deep.equal([
      ...['ARRIVED', 'ARRIVED'],
      ...Array.from({ length: 5 }, () => 'FAILED'),
    ]);
    expect(ends.flatMap(({ error }) => error?.reason ?? [])).to.deep.equal(
      Array.from({ length: 5 }, () => 'SERVER_FULL'),
    );
    await network.server('game-1', {}, { labels: { mode: 'game' } });
    await network.server('game-2', {}, { labels: { mode: 'game' } });
    const spread = await all(
      issuer.transfer({ server: 'lobby' }, { servers: { labels: { mode: 'game' } } }),
    );
    const to = spread.filter(({ stage }) => stage === 'ARRIVED').map(({ target }) => target);
    expect(to.sort()).to.deep.equal(['game-1', 'game-1', 'game-1', 'game-2', 'game-2']);
    await once(async () => (await reserved()) === 0);
  });

  it('to another proxy bring the ticket to the login there, and the player to the server', async () => {
    const { arena, lobby } = await town();
    const other = await network.proxy('gate-2');
    const context = new TextEncoder().encode('party 9');
    const arrived = await issuer.move(
      { id: STEVE },
      { proxy: 'gate-2', server: 'arena' },
      { context, timeoutMs },
    );
    expect(arrived.target).to.equal('gate-2');
    const there = await api.players.get({ id: STEVE });
    expect([there.proxy, there.server]).to.deep.equal(['gate-2', 'arena']);
    expect(other.tickets).to.have.length(1);
    expect(other.tickets[0]).to.deep.include({ server: 'arena', fromServer: 'lobby' });
    expect(arena.arrivals[0]?.toProxy).to.equal('gate-2');
    expect(arena.confirmed).to.have.length(1);
    await until(() => lobby.ended.length === 1);
    await once(async () => (await reserved()) === 0);
    // The way back names no proxy: the coordinator takes the best one.
    expect(await endOf(issuer, { anyProxy: true })).to.equal('ARRIVED');
    expect((await api.players.get({ id: STEVE })).proxy).to.equal('gate');
  });

  it('to another proxy keep the place of a player on their full server, while they are away', async () => {
    const { gate } = await town();
    const other = await network.proxy('gate-2');
    const third = { xuid: '2535400000000003', name: 'Third' };
    await gate.move(STEVE, 'arena');
    await gate.bring(alex, 'arena');
    await gate.bring(third, 'lobby');
    const refusals: (string | undefined)[] = [];
    const intrude = async (): Promise<void> => {
      const error = await rejectionOf(
        KelpieError,
        issuer.move({ id: third.xuid }, { server: 'arena' }),
      );
      refusals.push(error.reason);
    };
    gate.moves = async () => {
      await intrude();
      await gate.leave(STEVE);
      await intrude();
      await other.bring(steve);
    };
    await issuer.move({ id: STEVE }, { proxy: 'gate-2', server: 'arena' }, { timeoutMs });
    await intrude();
    expect(refusals).to.deep.equal(Array(3).fill('SERVER_FULL'));
    await once(async () => (await reserved()) === 0);
    const { proxy, server } = await api.players.get({ id: STEVE });
    expect([proxy, server]).to.deep.equal(['gate-2', 'arena']);
  });

  for (const policy of ['DENY_NEW', 'KICK_OLD', 'VERIFY_OLD'] as const) {
    it(`to another proxy arrive by ${policy}, though the first one still has the player`, async () => {
      await network.server('arena');
      const other = await network.proxy('gate-2');
      const login: Moving = async () => {
        const acquired = await other.client.players.acquire(steve, { policy });
        if (!acquired.granted) throw new Error(`${policy} refused: ${acquired.text}`);
        await other.client.players.joined(steve);
        await other.move(STEVE, 'arena');
      };
      const verify = () => ({ connected: true });
      const gate = await network.proxy('gate', { moves: login, verify });
      await gate.bring(steve);
      expect(await endOf(issuer, { proxy: 'gate-2', server: 'arena' })).to.equal('ARRIVED');
      await until(() => gate.evicted.length === 1);
      await gate.leave(STEVE);
      const { proxy, server } = await api.players.get({ id: STEVE });
      expect([proxy, server]).to.deep.equal(['gate-2', 'arena']);
      expect(other.evicted).to.deep.equal([]);
      expect(other.client.players.get(STEVE)?.server).to.equal('arena');
    });
  }

  it('to another proxy whose login does not come end with TIMED_OUT, or with the place of the login', async () => {
    const { gate } = await town(quit);
    const other = await network.proxy('gate-2');
    const third = await network.proxy('gate-3');
    expect(await endOf(issuer, { proxy: 'gate-2' }, 500)).to.equal('TIMED_OUT');
    const late = await other.bring(steve, 'lobby');
    expect(late.granted && late.ticket, 'the ticket ended with the transfer').to.equal(undefined);
    await other.leave(STEVE);
    await gate.bring(steve, 'lobby');
    gate.moves = async ({ player }, proxy) => {
      await proxy.leave(player.id);
      await third.bring(steve, 'lobby');
    };
    expect(await endOf(issuer, { proxy: 'gate-2' })).to.equal('REJECTED_BY_PROXY');
  });

  it('follow the routing rules of a fallback', async () => {
    await town();
    expect(await endOf(issuer, { routed: 'DRAIN' })).to.equal('ARRIVED');
    expect(await serverOf(), 'never the server that they come from').to.equal('arena');
  });
});
