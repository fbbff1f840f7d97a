/** Players of real proxies on a real coordinator, also while the coordinator is away. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import { reachApi } from '../support/wire/calls.js';
import {
  connect,
  type ConnectOptions,
  type Evicted,
  type KelpieClient,
  KelpieError,
  type PlayersOptions,
  type ReceivedEvent,
} from '../../client/index.js';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';
import { type Kelpied, startDev, startKelpied } from '../support/process/kelpied.js';
import { FaultProxy } from '../support/faults/fault-proxy.js';
import { rejectionOf, thrownBy } from '../support/thrown.js';
import { until } from '../support/until.js';

const steve = { xuid: '2535400000000001', name: 'Steve' };
const timeoutMs = 20_000;

/** The players of a network that a real coordinator serves. */
class Town {
  readonly endpoint: string;
  readonly #open: KelpieClient[] = [];

  constructor({ endpoint }: { endpoint: string }) {
    this.endpoint = endpoint;
  }

  async join(name: string, options: Partial<ConnectOptions> = {}): Promise<KelpieClient> {
    const client = connect({ name, role: 'DOWNSTREAM', endpoints: this.endpoint, ...options });
    this.#open.push(client);
    await client.ready();
    return client;
  }

  /** A proxy, and the players whom it had to disconnect. */
  async proxy(name: string, players: Partial<PlayersOptions> = {}, endpoint = this.endpoint) {
    const evicted: Evicted[] = [];
    const onEvicted = (one: Evicted): void => void evicted.push(one);
    const client = await this.join(name, {
      role: 'PROXY',
      endpoints: endpoint,
      players: { onEvicted, ...players },
    });
    return { client, players: client.players, evicted };
  }

  /** The events that a reader of `players.*` gets from now on. */
  async told(name = 'reader'): Promise<string[]> {
    const told: string[] = [];
    const reader = connect({ name, role: 'SERVICE', endpoints: this.endpoint });
    this.#open.push(reader);
    reader.subscribe('players.*', (event) => void told.push(saidBy(event)));
    await reader.ready();
    return told;
  }

  /** Checks that nothing waits any more. Then all leave. */
  async close(): Promise<void> {
    await until(() => this.#open.every(({ pending }) => pending === 0));
    await Promise.all(this.#open.map((client) => client.close()));
  }
}

function saidBy({ body }: ReceivedEvent): string {
  switch (body?.kind) {
    case 'playerJoined':
      return `${body.player.name} joined ${body.player.proxy}`;
    case 'playerMoved':
      return `${body.player.name} on ${body.player.server}`;
    case 'playerUpdated':
      return `${body.player.name} updated`;
    case 'playerLeft':
      return `${body.player.name} left ${body.reason}`;
    default:
      return String(body?.kind);
  }
}

/** A status of the client of this type, from its present one on. */
async function status(client: KelpieClient, wanted: string): Promise<void> {
  for await (const { type } of client.status()) if (type === wanted) return;
}

describe('players', () => {
  let kelpied: Kelpied;
  let town: Town;

  before(async () => {
    kelpied = await startKelpied(['--grace-seconds', '5']);
  });
  beforeEach(() => {
    town = new Town(kelpied);
  });
  afterEach(() => town.close());
  after(() => kelpied.stop());

  it('log in, join, move, change and leave', async () => {
    await town.join('lobby');
    const told = await town.told();
    const { players } = await town.proxy('gate-1');
    const acquired = await players.acquire(steve);
    expect(acquired).to.include({ granted: true });
    await players.joined(steve);
    await players.moved(steve.xuid, 'LOBBY');
    await players.changed(steve.xuid, { properties: { rank: 'vip' }, language: 'en_GB' });
    expect(players.get(steve.xuid)).to.deep.include({
      server: 'lobby',
      language: 'en_GB',
      properties: { rank: 'vip' },
    });
    await players.left(steve.xuid, 'KICKED');
    await until(() => told.length === 4);
    expect(told).to.deep.equal([
      'Steve joined gate-1',
      'Steve on lobby',
      'Steve updated',
      'Steve left KICKED',
    ]);
    expect(players.size).to.equal(0);
  });

  it('need proxies with a function that disconnects players', async () => {
    const server = await town.join('lobby');
    expect(thrownBy(KelpieError, () => server.players.size).reason).to.equal(
      'ROLE_HOLDS_NO_PLAYERS',
    );
    const options = {
      name: 'x',
      role: 'SERVICE',
      players: { onEvicted: () => undefined },
    } as const;
    expect(thrownBy(KelpieError, () => connect(options)).reason).to.equal('ROLE_HOLDS_NO_PLAYERS');
  });

  it('may join a server directly, and its properties of them stay after a reconnect', async () => {
    const wire = await FaultProxy.before(kelpied.port);
    const evicted: Evicted[] = [];
    const lobby = await town.join('Lobby-1', {
      endpoints: wire.endpoint,
      players: { onEvicted: (one) => void evicted.push(one) },
    });
    const shop = await town.join('shop', { role: 'SERVICE', roster: { players: true } });
    const gate = await town.proxy('gate-1');
    expect(await lobby.players.acquire(steve)).to.have.property('granted', true);
    await lobby.players.joined({ ...steve, properties: { rank: 'none' } });
    const refused = await rejectionOf(KelpieError, lobby.players.moved(steve.xuid, 'arena'));
    expect(refused.reason).to.equal('PLAYER_INVALID');
    await lobby.players.moved(steve.xuid, 'LOBBY-1');
    const there = () => shop.roster.player({ id: steve.xuid });
    await until(() => there() !== undefined);
    expect(there()).to.include({ proxy: 'lobby-1', server: 'lobby-1' });
    await shop.players.update(there() ?? { id: '', generation: 0 }, {
      properties: { rank: 'vip' },
    });
    wire.cut();
    await status(lobby, 'disconnected');
    await status(lobby, 'connected');
    await until(() => lobby.pending === 0);
    await until(() => there()?.properties['rank'] === 'vip');
    await gate.players.joined(steve);
    await until(() => evicted.length === 1);
    expect(evicted[0]).to.include({ id: steve.xuid, reason: 'REPLACED' });
    expect(lobby.players.size).to.equal(0);
    const stale = shop.players.update({ id: steve.xuid, generation: 1 }, {});
    expect((await rejectionOf(KelpieError, stale)).reason).to.equal('STALE_GENERATION');
    await lobby.close();
    await wire.close();
  });

  it('are on one proxy at a time: the policies of a duplicate login', async () => {
    let silenceMs = 100;
    const asked: string[] = [];
    const verify = (id: string) => {
      asked.push(id);
      return { connected: true, silenceMs };
    };
    const first = await town.proxy('gate-1', { verify });
    const second = await town.proxy('gate-2', { verify });
    const login = (one: typeof first, policy?: 'DENY_NEW' | 'KICK_OLD') =>
      one.players.acquire(steve, policy && { policy });
    // The coordinator also verifies players who log in.
    await login(first);
    expect(await login(second)).to.deep.include({ granted: false, proxy: 'gate-1' });
    await first.players.joined(steve);
    const denied = await login(second, 'DENY_NEW');
    expect(denied).to.deep.equal({
      granted: false,
      text: 'Steve is already on this network.',
      reason: 'ONLINE',
      proxy: 'gate-1',
    });
    expect(await login(second)).to.include({ granted: false });
    expect(asked).to.deep.equal([steve.xuid, steve.xuid]);
    silenceMs = 5000;
    expect(await login(second)).to.include({ granted: true });
    await until(() => first.evicted.length === 1);
    expect(first.evicted[0]).to.include({ id: steve.xuid, reason: 'REPLACED' });
    // The first proxy disconnects them and reports a quit, which changes nothing of the newer login.
    await Promise.all([first.players.left(steve.xuid), second.players.joined(steve)]);
    expect([first.players.size, second.players.size]).to.deep.equal([0, 1]);
    expect(await login(first, 'KICK_OLD')).to.include({ granted: true });
    await first.players.joined(steve);
    await until(() => second.evicted.length === 1);
    expect(first.evicted).to.have.length(1);
  });

  it('who log in again on the same proxy lose their older connection, and its quit changes nothing', async () => {
    const told = await town.told();
    const { players, evicted } = await town.proxy('gate-1');
    await players.acquire(steve);
    await players.joined(steve);
    await players.acquire(steve);
    expect(evicted.map(({ reason }) => reason)).to.deep.equal(['REPLACED']);
    await players.left(steve.xuid);
    await players.joined(steve);
    expect(players.size).to.equal(1);
    await until(() => told.length === 3);
    expect(told).to.deep.equal([
      'Steve joined gate-1',
      'Steve left REPLACED',
      'Steve joined gate-1',
    ]);
  });

  it('with a cancelled login were never online, also if it is cancelled before the grant', async () => {
    const told = await town.told();
    const { players } = await town.proxy('gate-1');
    await players.acquire(steve);
    await players.release(steve.xuid);
    const asked = players.acquire(steve);
    await players.release(steve.xuid);
    expect(await asked).to.include({ granted: false });
    // No proxy holds them, so there is no verification.
    const other = await town.proxy('gate-2');
    expect(await other.players.acquire(steve, { policy: 'DENY_NEW' })).to.include({
      granted: true,
    });
    await other.players.joined(steve);
    await until(() => told.length > 0);
    expect(told).to.deep.equal(['Steve joined gate-2']);
  });

  it('may be on a server that is no node, and not on a proxy as their server', async () => {
    await town.join('lobby');
    const { players, client } = await town.proxy('gate-1');
    await players.acquire(steve);
    await players.joined({ ...steve, server: 'Static 1' });
    const api = await reachApi([town.endpoint]);
    const lookup = { player: { by: { $case: 'id', value: steve.xuid } } } as const;
    const row = async () => (await api.players.getPlayer(lookup)).player;
    expect(await row()).to.include({ server: 'static 1', serverUnregistered: true });
    await players.moved(steve.xuid, 'lobby');
    const moving = await rejectionOf(KelpieError, players.moved(steve.xuid, 'gate-1'));
    expect(moving.reason).to.equal('PLAYER_INVALID');
    expect(players.get(steve.xuid)?.server).to.equal('lobby');
    await until(() => client.pending === 0);
    expect(await row()).to.include({ server: 'lobby', serverUnregistered: false });
    api.close();
  });

  it('do not change by invalid facts, which are refused', async () => {
    const { players } = await town.proxy('gate-1');
    expect((await rejectionOf(KelpieError, players.joined({ name: 'x' }))).reason).to.equal(
      'PLAYER_INVALID',
    );
    const nameless = { xuid: '77', name: '' };
    expect((await rejectionOf(KelpieError, players.joined(nameless))).reason).to.equal(
      'PLAYER_INVALID',
    );
    expect(players.size).to.equal(0);
    await players.joined({ ...steve, properties: { rank: 'vip' } });
    const long = { properties: { rank: 'x'.repeat(300) } };
    const refused = rejectionOf(KelpieError, players.changed(steve.xuid, long));
    await players.changed(steve.xuid, { properties: { team: 'red' } });
    expect((await refused).reason).to.equal('LABELS_INVALID');
    expect(players.get(steve.xuid)?.properties).to.deep.equal({ rank: 'vip', team: 'red' });
    const unknown = rejectionOf(KelpieError, players.moved('404', ''));
    expect((await unknown).reason).to.equal('PLAYER_NOT_FOUND');
  });

  it('may join by thousands in a tick, also without logins, and reports about them wait', async () => {
    await town.join('lobby');
    const { players } = await town.proxy('gate-1');
    const ids = Array.from({ length: 3000 }, (_, index) => String(10_000 + index));
    await Promise.all(
      ids.flatMap((xuid) => [
        players.joined({ xuid, name: `Player ${xuid}` }),
        players.moved(xuid, 'lobby'),
      ]),
    );
    const api = await reachApi([town.endpoint]);
    const { nodes } = await api.players.countPlayers({ nodes: {} });
    expect(nodes.map(({ name, players: count }) => [name, count])).to.deep.include.members([
      ['gate-1', 3000],
      ['lobby', 3000],
    ]);
    await Promise.all(ids.map((id) => players.left(id)));
    expect((await api.players.countPlayers({})).network).to.equal(0);
    api.close();
  });

  it('of a killed proxy leave with it', async () => {
    const told = await town.told();
    const url = new URL('../support/process/proxy-child.js', import.meta.url);
    const child = fork(url, [town.endpoint, 'gate-9', 'Alex', 'Steve']);
    const [message] = (await once(child, 'message')) as [unknown];
    expect(message).to.deep.equal({ joined: 2 });
    child.kill('SIGKILL');
    await until(() => told.length === 4);
    expect(told.slice(2).sort()).to.deep.equal(['Alex left PROXY_LOST', 'Steve left PROXY_LOST']);
  });

  it('are reconciled after a break: players who left, who came, and who logged in elsewhere', async () => {
    const wire = await FaultProxy.before(kelpied.port);
    await town.join('lobby');
    const told = await town.told();
    const { client, players, evicted } = await town.proxy('gate-1', {}, wire.endpoint);
    const alex = { xuid: '1', name: 'Alex' };
    const [kai, zuri] = [
      { xuid: '2', name: 'Kai' },
      { xuid: '3', name: 'Zuri' },
    ];
    for (const one of [steve, alex, kai]) await players.joined(one);
    await until(() => told.length === 3);
    wire.refuse();
    await status(client, 'disconnected');
    // Steve's login waits while no coordinator answers; Kai logs in on another proxy.
    expect(await players.acquire(zuri)).to.deep.equal({ granted: true, generation: 0 });
    await Promise.all([
      players.joined(zuri),
      players.moved(zuri.xuid, 'lobby'),
      players.left(steve.xuid),
      players.changed(alex.xuid, { properties: { rank: 'vip' } }),
    ]);
    const other = await town.proxy('gate-2');
    await other.players.acquire(kai, { policy: 'KICK_OLD' });
    await other.players.joined(kai);
    wire.heal();
    await until(() => told.length === 8);
    expect(told.slice(3, 5)).to.deep.equal(['Kai left REPLACED', 'Kai joined gate-2']);
    expect(told.slice(5)).to.have.members([
      'Steve left SYNC',
      'Zuri joined gate-1',
      'Alex updated',
    ]);
    await until(() => evicted.length === 1);
    expect(evicted[0]?.id).to.equal(kai.xuid);
    expect(players.size).to.equal(2);
    expect(players.get(zuri.xuid)?.server).to.equal('lobby');
    await client.close();
    await wire.close();
  });

  it("are admitted or not while no coordinator answers, as the proxy's options say", async () => {
    const away = (whenAway?: 'open' | 'deny') =>
      connect({
        name: 'lonely',
        role: 'PROXY',
        endpoints: '127.0.0.1:1',
        players: { onEvicted: () => undefined, ...(whenAway && { whenAway }) },
      });
    const [open, deny] = [away(), away('deny')];
    expect(await open.players.acquire(steve)).to.deep.equal({ granted: true, generation: 0 });
    expect(await deny.players.acquire(steve)).to.include({ granted: false });
    await Promise.all([open.close(), deny.close()]);
  });

  it('are in rosters with players, with their counts', async () => {
    await town.join('lobby');
    const { players } = await town.proxy('gate-1');
    await players.joined({ ...steve, server: 'lobby' });
    const { roster } = await town.join('gate-2', { role: 'PROXY', roster: { players: true } });
    expect(roster.player({ name: 'STEVE' })).to.include({ proxy: 'gate-1', server: 'lobby' });
    expect(roster.playerCount({ server: 'lobby' })).to.equal(1);
    await players.joined({ xuid: '2', name: 'Alex' });
    await until(() => roster.playerCount() === 2);
    await players.left(steve.xuid);
    await until(() => roster.playerCount({ server: 'lobby' }) === 0);
    expect(roster.players().map(({ name }) => name)).to.deep.equal(['Alex']);
    const blind = { excludeOwn: true, roster: { players: true } };
    const refused = thrownBy(KelpieError, () => connect({ name: 'x', role: 'PROXY', ...blind }));
    expect(refused.reason).to.equal('OUT_OF_RANGE');
  });

  it('are kicked by their proxy, which gets only players who are online', async () => {
    const { client, players } = await town.proxy('gate-1');
    const asked: string[][] = [];
    client.handle('kick_players', async ({ players: whom }) => {
      asked.push(whom.map(({ id }) => id));
      // One of them quits meanwhile.
      await players.left('2');
    });
    await until(() => client.pending === 0);
    const facts = ['1', '2'].map((xuid) => ({ xuid, name: `P ${xuid}` }));
    for (const one of facts) await players.joined(one);
    const asker = await town.join('asker');
    await until(() => asker.roster.node('gate-1')?.commands.length === 1);
    const api = await reachApi([town.endpoint]);
    const target = { place: { $case: 'everyone', value: {} } } as const;
    const { succeeded, failed } = await api.players.kickPlayers({ target, message: 'bye' });
    expect([succeeded, failed, asked]).to.deep.equal([2, 0, [['1', '2']]]);
    const old = { id: '1', generation: 1 };
    const command = { kick_players: { players: [old], message: '' } };
    for await (const { reply } of asker.issue({
      target: { node: 'gate-1' },
      command,
      timeoutMs,
    })) {
      expect(reply?.[0]?.error?.message).to.equal('the player is not here any more');
    }
    expect(asked).to.have.length(1);
    api.close();
  });
});

describe('players of a coordinator that restarts', () => {
  async function restarted(args: readonly string[], count: number) {
    const folder = dataFolder();
    const first = await startKelpied(args, folder);
    const town = new Town(first);
    const lobby = await town.join('lobby');
    const told = await town.told();
    const { client, players, evicted } = await town.proxy('gate-1');
    for (let number = 1; number <= count; number++) {
      const facts = { xuid: String(number), name: `Player ${number}` };
      void players.joined(facts);
      void players.moved(facts.xuid, 'lobby');
    }
    await until(() => told.length === 2 * count);
    told.length = 0;
    await first.kill();
    await status(client, 'disconnected');
    const second = await startKelpied([...args, '--port', String(first.port)], folder);
    await status(client, 'connected');
    await until(() => client.pending === 0);
    // This event follows all events of the restart.
    await lobby.ready();
    return { town, told, client, players, evicted, second };
  }

  after(removeDataFolders);

  it('all stay with the journal in files, without an event', async () => {
    const { town, told, players, evicted, second } = await restarted([], 100);
    await players.joined({ xuid: '9999', name: 'The last one' });
    await until(() => told.length > 0);
    expect(told).to.deep.equal(['The last one joined gate-1']);
    expect([players.size, evicted]).to.deep.equal([101, []]);
    await town.close();
    await second.stop();
  });

  it('all return with the journal in memory', async () => {
    const memory = ['--journal', 'memory'];
    const { town, players, evicted, second } = await restarted(memory, 1500);
    expect([players.size, evicted]).to.deep.equal([1500, []]);
    const api = await reachApi([second.endpoint]);
    const counted = async () => {
      const { nodes } = await api.players.countPlayers({ nodes: {} });
      return nodes.find(({ name }) => name === 'lobby')?.players;
    };
    expect((await api.players.countPlayers({})).network).to.equal(1500);
    // If their server came back after them, the digest differs.
    while ((await counted()) !== 1500);
    // Their proxy can report about them under their new generations.
    await players.left('1');
    expect((await api.players.countPlayers({})).network).to.equal(1499);
    api.close();
    await town.close();
    await second.stop();
  });
});

describe('the heartbeats of a proxy', () => {
  it("contain the digest of its players, which matches the coordinator's, and their latencies", async () => {
    const dev = await startDev();
    const town = new Town(dev);
    const latencies = () => [[steve.xuid, 41.6] as const, ['404', 5] as const];
    const { players } = await town.proxy('gate-1', { latencies });
    await town.join('lobby');
    await players.acquire(steve);
    await players.joined(steve);
    await players.moved(steve.xuid, 'lobby');
    await players.joined({ uuid: '0A1B2C3D-0000-4000-8000-00000000000F', name: 'Alex' });
    const api = await reachApi([dev.endpoint]);
    const lookup = { player: { by: { $case: 'id', value: steve.xuid } } } as const;
    const latency = async () => (await api.players.getPlayer(lookup)).player?.latencyMs;
    while ((await latency()) !== 42);
    const { metrics } = JSON.parse(dev.output()) as { metrics: string };
    const text = await (await fetch(metrics)).text();
    expect(text).to.match(/^kelpie_presence_mismatches_total\{network="main"\} 0$/m);
    api.close();
    await town.close();
    await dev.stop();
  });
});
