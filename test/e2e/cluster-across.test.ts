/** The work that several coordinators on one real Redis share. */
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { type Api, apiAt, contextText } from '../../client/api/index.js';
import {
  connect,
  type ConnectOptions,
  type KelpieClient,
  type KelpieError,
} from '../../client/index.js';
import {
  type Coordinator,
  type CoordinatorOptions,
  startCoordinator,
} from '../../server/coordinator.js';
import { Racer } from '../support/cluster/racer.js';
import { freeze, thaw } from '../support/faults/processes.js';
import { runKelpie } from '../support/process/cli.js';
import { startKelpied } from '../support/process/kelpied.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { FakeNetwork } from '../support/transfers/fake-network.js';
import { Wire } from '../support/wire/wire.js';
import { WireNode } from '../support/wire/wire-node.js';

const PLAYERS = 1000;

describe('coordinators on one Redis', () => {
  let redis: RedisServer;
  let first: Coordinator;
  let second: Coordinator;
  let api: Api;
  let otherApi: Api;
  const clients: KelpieClient[] = [];
  const wires: Wire[] = [];

  before(async () => {
    redis = await RedisServer.start();
    [first, second] = await Promise.all([start(), start({ advertise: 'second.example.org' })]);
    [api, otherApi] = [apiAt(first.endpoint), apiAt(second.endpoint)];
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
    const open = wires.splice(0);
    await Promise.all(open.map((wire) => wire.leave()));
    for (const wire of open) wire.close();
  });
  after(async () => {
    for (const one of [api, otherApi]) one.close();
    await Promise.all([first.stop(), second.stop()]);
    await redis.stop();
  });

  function start(options: CoordinatorOptions = {}): Promise<Coordinator> {
    return startCoordinator({ journal: 'redis', redis: { url: redis.url }, port: 0, ...options });
  }

  async function join(
    name: string,
    { endpoint: endpoints }: Pick<Coordinator, 'endpoint'>,
    options: Partial<ConnectOptions> = {},
  ): Promise<KelpieClient> {
    const client = connect({ name, role: 'DOWNSTREAM', endpoints, ...options });
    clients.push(client);
    await client.ready();
    return client;
  }

  function wireTo({ endpoint }: Coordinator): Wire {
    const wire = new Wire(endpoint);
    wires.push(wire);
    return wire;
  }

  /** The node is in the table of this coordinator too. */
  const knows = (at: Api, name: string): Promise<void> =>
    eventually(async () => (await reasonOf(at.nodes.get(name))) === 'none');

  it('carry commands and their answers to each other', async () => {
    const [lobby, asker] = await Promise.all([join('lobby', second), join('asker', first)]);
    lobby.handle('echo', (content) => content);
    lobby.handle('run_console_command', ({ line }) => `did ${line}`);
    await eventually(() => asker.roster.node('lobby')?.commands.length === 2);
    const options = { timeoutMs: 10_000 };
    expect(await asker.call({ node: 'lobby' }, 'echo', 'hello', options)).to.equal('hello');
    const { output, errors } = await runKelpie(['run', 'lobby', 'save-all'], first.endpoint);
    expect(errors).to.equal('');
    expect(output).to.contain('did save-all');
  });

  it('give no node a command whose time was over before a frozen coordinator went on', async () => {
    const frozen = await startKelpied([
      ...['--journal', 'redis', '--redis', redis.url, '--drain-seconds', '0'],
    ]);
    try {
      const [lobby, asker] = await Promise.all([join('lobby', frozen), join('asker', first)]);
      const done: unknown[] = [];
      lobby.handle('note', (content) => void done.push(content));
      await eventually(() => asker.roster.node('lobby')?.commands.length === 1);
      const note = (text: string, timeoutMs: number): Promise<unknown> =>
        asker.call({ node: 'lobby' }, 'note', text, { timeoutMs });
      await note('before', 10_000);
      await freeze(frozen.process);
      const late = await reasonOf(note('late', 500)).finally(() => thaw(frozen.process));
      expect(late).to.equal('OUTCOME_UNKNOWN');
      await note('after', 10_000);
      expect(done).to.deep.equal(['before', 'after']);
    } finally {
      await Promise.all(clients.splice(0).map((client) => client.close()));
      await frozen.stop();
    }
  });

  it('kick and show each other’s players, whoever is asked', async () => {
    const gate = await WireNode.proxy(wireTo(second), 'gate');
    await gate.bring({ xuid: '1', name: 'Steve' });
    await eventually(async () => (await reasonOf(api.players.get({ id: '1' }))) === 'none');
    const said = await api.players.show({ player: { id: '1' } }, { chat: 'hello' });
    const kicked = await api.players.kick({ player: { id: '1' } });
    expect([said.succeeded, kicked.succeeded]).to.deep.equal([1, 1]);
    expect(gate.asked.map(({ form }) => form)).to.deep.equal(['show_message', 'kick_players']);
  });

  it('end a value that is bound to a node at another one when the node leaves', async () => {
    const owner = await join('owner', second);
    await owner.state.put('maps', 'arena', 'Castle', { bound: true });
    await owner.state.put('maps', 'hub', 'Harbor');
    await eventually(async () => (await api.state.list({ bucket: 'maps' })).values.length === 2);
    expect((await api.state.get('maps', 'arena'))?.owner).to.equal('owner');
    await owner.close();
    await eventually(async () => (await api.state.list({ bucket: 'maps' })).values.length === 1);
    expect((await otherApi.state.get('maps', 'hub'))?.owner).to.equal('');
    await api.state.delete('maps', 'hub');
  });

  it('give a lock to one node at a time, and none of them stores under a lock that it lost', async () => {
    const [left, right] = await Promise.all([join('left', first), join('right', second)]);
    const held = await left.state.lock('locks', 'shop');
    expect(await reasonOf(right.state.lock('locks', 'shop', { waitMs: 0 }))).to.equal('LOCK_HELD');
    const next = right.state.lock('locks', 'shop', { waitMs: 20_000 });
    await left.close();
    const { guard } = await next;
    expect(guard.sequence).to.be.above(held.guard.sequence);
    const late = right.state.put('shop', 'stock', 'one', { guard: held.guard });
    expect(await reasonOf(late)).to.equal('SEQUENCE_CONFLICT');
    await right.state.put('shop', 'stock', 'two', { guard });
    await eventually(async () => (await reasonOf(api.state.get('shop', 'stock'))) === 'none');
  });

  it('count the slots that the others hold, and release them', async () => {
    await join('arena', first, { maxPlayers: 2 });
    await knows(otherApi, 'arena');
    const { id } = await otherApi.nodes.reserve({ node: 'arena', slots: 2, ttlMs: 60_000 });
    const one = { node: 'arena', ttlMs: 60_000 };
    expect(await reasonOf(api.nodes.reserve(one))).to.equal('SERVER_FULL');
    await api.nodes.release(id, 1);
    await api.nodes.reserve(one);
    expect(await reasonOf(otherApi.nodes.reserve(one))).to.equal('SERVER_FULL');
    await otherApi.nodes.release(id);
    await otherApi.nodes.reserve(one);
  });

  describe('with players of a network', () => {
    let network: FakeNetwork;
    const steve = { xuid: '1', name: 'Steve' };

    beforeEach(() => {
      network = new FakeNetwork({ endpoints: second.endpoint });
    });
    afterEach(() => network.close());

    it('move players between servers that have their streams at several of them', async () => {
      const arena = await network.server('arena', {}, { endpoints: first.endpoint });
      const hub = await network.server('hub');
      await network.server('backup');
      const gate = await network.proxy('gate');
      await gate.bring(steve, 'hub');
      await eventually(async () => (await reasonOf(api.players.get({ id: '1' }))) === 'none');
      await eventually(async () => (await api.players.get({ id: '1' })).server === 'hub');
      const stages: string[] = [];
      const options = { context: 'spawn 7' };
      const to = { server: 'arena' };
      for await (const { stage } of api.players.transfer({ player: { id: '1' } }, to, options))
        stages.push(stage);
      expect(stages.at(-1)).to.equal('ARRIVED');
      const [prepared] = arena.arrivals;
      expect(contextText(prepared?.context ?? new Uint8Array())).to.equal('spawn 7');
      for (const asked of [hub.departures, arena.confirmed])
        expect(asked.map(({ transferId }) => transferId)).to.deep.equal([prepared?.transferId]);
      await eventually(async () => (await otherApi.players.get({ id: '1' })).server === 'arena');
      // Each coordinator remembers the server that the player left.
      const player = { id: '1' };
      const rules = [{ name: 'back', strategy: 'STICKY' }] as const;
      for (const one of [api, otherApi]) {
        const { server } = await one.routing.explain({ player, for: 'fallback', rules });
        expect(server).to.equal('hub');
      }
      await gate.leave('1');
    });

    it('cancel each other’s drains', async () => {
      await network.server('hub');
      await network.server('arena');
      const gate = await network.proxy('gate');
      for (const [index, name] of ['Steve', 'Alex', 'Kai'].entries())
        await gate.bring({ xuid: String(index + 1), name }, 'hub');
      await knows(api, 'hub');
      const stages: string[] = [];
      const slow = { to: { server: 'arena' }, playersPerSecond: 0.001 };
      for await (const { stage } of api.nodes.drain('hub', slow)) {
        stages.push(stage);
        if (stages.length > 1) continue;
        await eventually(async () => (await otherApi.nodes.get('hub')).drained);
        expect((await otherApi.nodes.cancelDrain('hub'))?.state).to.equal('READY');
      }
      expect(stages.at(-1)).to.equal('CANCELLED');
      await eventually(async () => !(await api.nodes.get('hub')).drained);
    });
  });

  it('are listed by each of them', async () => {
    // Each learns with its next look where the other one listens.
    for (const one of [api, otherApi])
      await eventually(async () => (await one.coordinator.list()).every((c) => c.endpoint !== ''));
    for (const { endpoint, id } of [first, second]) {
      const { output, code } = await runKelpie(['coordinators'], endpoint);
      expect(code).to.equal(0);
      expect(output).to.match(/^COORDINATOR +ENDPOINT +VERSION +SESSIONS +BEHIND +STATE$/m);
      expect(output).to.include(first.endpoint).and.to.include(`second.example.org:${second.port}`);
      expect(output).to.match(new RegExp(`^${id}.* serving, this one$`, 'm'));
    }
    const { output } = await runKelpie(['coordinators', '--json'], first.endpoint);
    const ids = output.split('\n').map((line) => (JSON.parse(line) as { id: string }).id);
    expect(ids).to.deep.equal([first.id, second.id].sort());
  });

  it('name an address that others can use if they listen on all addresses', async () => {
    const open = await start({ host: '0.0.0.0', insecure: true });
    const own = apiAt(`127.0.0.1:${open.port}`);
    try {
      let endpoint: string | undefined;
      await eventually(async () => {
        endpoint = (await own.coordinator.list()).find(({ id }) => id === open.id)?.endpoint;
        return endpoint !== '';
      });
      expect(endpoint)
        .to.match(new RegExp(`^[^:]+:${open.port}$`))
        .and.not.contain('0.0.0.0');
    } finally {
      own.close();
      await open.stop();
    }
  });

  for (const policy of ['KICK_OLD', 'DENY_NEW'] as const) {
    it(`give each of ${PLAYERS} players to one of two proxies that race for all: ${policy}`, async () => {
      const name = policy.toLowerCase();
      const racers = await Promise.all([
        Racer.join(wireTo(first), `left-${name}`, PLAYERS),
        Racer.join(wireTo(second), `right-${name}`, PLAYERS),
      ]);
      await Promise.all(racers.map((racer) => racer.race(policy)));
      // A proxy that lost a player gets an eviction, after its grant.
      await eventually(() => held(racers).length === PLAYERS);
      expect(new Set(held(racers)).size, 'each has one owner').to.equal(PLAYERS);
      console.log(`      ${racers.map(({ held: { size } }) => size).join(' and ')} players`);
      for (const racer of racers) racer.joined();
      const owners = racers.flatMap(({ name, held }) => [...held.keys()].map((id) => [id, name]));
      const expected = new Map(owners as [string, string][]);
      for (const one of [api, otherApi]) {
        await eventually(async () => (await one.players.count()).network === PLAYERS);
        const wrong: string[] = [];
        for await (const { id, proxy } of one.players.all())
          if (expected.get(id) !== proxy) wrong.push(`${id} ${proxy}`);
        expect(wrong).to.deep.equal([]);
      }
    }).timeout(60_000);
  }
});

/** The ids of the players whom these proxies hold. */
function held(racers: readonly Racer[]): string[] {
  return racers.flatMap((racer) => [...racer.held.keys()]);
}

/** The reason of a rejection; `none` if the promise resolves. */
function reasonOf(outcome: Promise<unknown>): Promise<string> {
  return outcome.then(
    () => 'none',
    (error: unknown) => (error as KelpieError).reason,
  );
}

async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  const giveUp = performance.now() + 20_000;
  while (!(await holds())) {
    if (performance.now() > giveUp) throw new Error(`waited in vain for ${String(holds)}`);
    await pause(10);
  }
}
