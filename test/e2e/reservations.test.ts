/** Slots that clients and calls hold, through real coordinators on both engines. */
import { expect } from 'chai';
import {
  connect,
  type ConnectOptions,
  KelpieError,
  type KelpieClient,
} from '../../client/index.js';
import { type Api, apiAt, type SlotRequest } from '../../client/api/index.js';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { NodeProcess } from '../support/process/node-process.js';
import { FakeNetwork } from '../support/transfers/fake-network.js';
import { refuse } from '../support/transfers/fake-proxy.js';
import { rejectionOf } from '../support/thrown.js';
import { Wire } from '../support/wire/wire.js';

const TTL = { ttlMs: 600_000 };
const GRACE = ['--grace-seconds', '2'];

for (const engine of ['memory', 'file']) {
  describe(`reservations in a journal in ${engine}`, () => {
    let args: string[];
    let kelpied: Kelpied;
    let api: Api;
    const clients: KelpieClient[] = [];

    before(async () => {
      args = [
        ...GRACE,
        ...(engine === 'file' ? ['--journal', 'file', '--data', dataFolder()] : []),
      ];
      kelpied = await startKelpied(args);
      api = apiAt(kelpied.endpoint);
    });
    afterEach(async () => {
      await Promise.all(clients.splice(0).map((client) => client.close()));
    });
    after(async () => {
      api.close();
      await kelpied.stop();
      removeDataFolders();
    });

    async function node(name: string, more: Partial<ConnectOptions> = {}): Promise<KelpieClient> {
      const own = { name, role: 'DOWNSTREAM', endpoints: kelpied.endpoint } as const;
      const client = connect({ ...own, ...more });
      clients.push(client);
      await client.ready();
      return client;
    }

    async function reasonOf(request: SlotRequest): Promise<string> {
      return (await rejectionOf(KelpieError, api.nodes.reserve(request))).reason;
    }

    async function reserved(name: string): Promise<number> {
      return (await api.nodes.get(name)).reservedSlots;
    }

    /** Resolves once so many slots of the node are reserved. */
    async function once(name: string, slots: number): Promise<void> {
      while ((await reserved(name)) !== slots);
    }

    it('never hold more than there is, when 100 ask at once', async () => {
      await node('arena-1', { maxPlayers: 10, labels: { mode: 'arena' } });
      await node('arena-2', { maxPlayers: 15, labels: { mode: 'arena' } });
      const plugin = await node('plugin', { role: 'SERVICE' });
      const servers = { servers: { labels: { mode: 'arena' } }, ...TTL };
      const asked = Array.from({ length: 100 }, (_, index) => {
        const request = index % 2 === 0 ? servers : { node: 'Arena-1', ...TTL };
        return index % 3 === 0 ? api.nodes.reserve(request) : plugin.reserve(request);
      });
      const answers = await Promise.allSettled(asked);
      const refusals = answers.filter((one) => one.status === 'rejected');
      expect(refusals.length).to.equal(75);
      for (const { reason } of refusals) expect(reason).to.have.property('reason', 'SERVER_FULL');
      const nodes = [];
      for await (const { name, reservedSlots } of api.nodes.all({ labels: { mode: 'arena' } }))
        nodes.push([name, reservedSlots]);
      expect(nodes).to.deep.equal([
        ['arena-1', 10],
        ['arena-2', 15],
      ]);
      for (const one of answers)
        if (one.status === 'fulfilled') await api.nodes.release(one.value.id);
      expect([await reserved('arena-1'), await reserved('arena-2')]).to.deep.equal([0, 0]);
    });

    it('are released in parts, and once', async () => {
      await node('lobby', { maxPlayers: 5 });
      const plugin = await node('plugin', { role: 'SERVICE' });
      const held = await plugin.reserve({ node: 'lobby', slots: 5, ...TTL, purpose: 'a party' });
      expect(held.node).to.equal('lobby');
      await held.release(2);
      expect(await reserved('lobby')).to.equal(3);
      expect((await rejectionOf(KelpieError, held.release(4))).reason).to.equal('OUT_OF_RANGE');
      await plugin.release(held.id);
      const again = [
        () => held.release(),
        () => plugin.release(held.id),
        () => api.nodes.release(held.id),
      ];
      for (const release of again) {
        expect((await rejectionOf(KelpieError, release())).reason).to.equal(
          'RESERVATION_NOT_FOUND',
        );
      }
      expect(await reserved('lobby')).to.equal(0);
    });

    it('are refused with the reason', async () => {
      const lobby = await node('lobby', { maxPlayers: 1 });
      await node('shop', { role: 'SERVICE' });
      expect(await reasonOf({ node: 'nowhere', ...TTL })).to.equal('NODE_NOT_FOUND');
      expect(await reasonOf({ node: 'shop', ...TTL })).to.equal('ROLE_HOLDS_NO_PLAYERS');
      expect(await reasonOf({ node: 'lobby', slots: 2, ...TTL })).to.equal('SERVER_FULL');
      expect(await reasonOf({ node: 'lobby', owner: 'nobody', ...TTL })).to.equal('NODE_NOT_FOUND');
      expect(await reasonOf({ node: 'lobby', ...TTL, purpose: 'x'.repeat(256) })).to.equal(
        'TEXT_TOO_LONG',
      );
      expect(await reasonOf({ servers: { labels: { mode: 'none' } }, ...TTL })).to.equal(
        'NO_TARGET',
      );
      for (const ttlMs of [0, 365 * 24 * 3600 * 1000]) {
        expect(await reasonOf({ node: 'lobby', ttlMs })).to.equal('OUT_OF_RANGE');
      }
      await lobby.update({ state: 'DRAINING' });
      expect(await reasonOf({ node: 'lobby', ...TTL })).to.equal('SERVER_DRAINING');
      expect(await reasonOf({ servers: { names: ['lobby'] }, ...TTL })).to.equal('SERVER_DRAINING');
      const wire = new Wire(kelpied.endpoint);
      const { stream } = await wire.join('away', { role: 'NODE_ROLE_DOWNSTREAM' });
      stream.cut();
      while ((await api.nodes.get('away')).state !== 'UNREACHABLE');
      expect(await reasonOf({ node: 'away', ...TTL })).to.equal('SERVER_UNREACHABLE');
      wire.close();
    });

    it('end with their owner, whether it stops or is lost, and by their time', async () => {
      await node('lobby', { maxPlayers: 9 });
      const plugin = await node('plugin', { role: 'SERVICE' });
      await plugin.reserve({ node: 'lobby', slots: 2, ...TTL });
      await plugin.close();
      expect(await reserved('lobby'), 'after STOP').to.equal(0);
      const lost = new NodeProcess(kelpied.endpoint, 'lost');
      await lost.next('welcome');
      await api.nodes.reserve({ node: 'lobby', slots: 3, owner: 'lost', ...TTL });
      await api.nodes.reserve({ node: 'lobby', slots: 4, ttlMs: 1000 });
      expect(await reserved('lobby')).to.equal(7);
      lost.signal('SIGKILL');
      await once('lobby', 3);
      await once('lobby', 0);
    });

    if (engine === 'file') {
      it('survive kill -9 of the coordinator, and end with their owner after it', async () => {
        await node('lobby', { maxPlayers: 3 });
        const plugin = await node('plugin', { role: 'SERVICE' });
        const held = await plugin.reserve({ node: 'lobby', slots: 3, ...TTL });
        await kelpied.kill();
        kelpied = await startKelpied([...args, '--port', String(kelpied.port)]);
        expect(await reserved('lobby')).to.equal(3);
        expect(await reasonOf({ node: 'lobby', ...TTL })).to.equal('SERVER_FULL');
        while (plugin.connectionState !== 'CONNECTED')
          await new Promise((next) => setImmediate(next));
        await held.release(1);
        await plugin.close();
        expect(await reserved('lobby')).to.equal(0);
      });
    }
  });
}

describe('five players who wait for one place', () => {
  after(removeDataFolders);

  it('get it one after the other, and nobody gets it between a reservation and its transfer', async () => {
    // Writes to files take time, in which others ask.
    const kelpied = await startKelpied(['--journal', 'file', '--data', dataFolder()]);
    const network = new FakeNetwork({ endpoints: kelpied.endpoint });
    const api = apiAt(kelpied.endpoint);
    const plugin = connect({ name: 'queue', role: 'SERVICE', endpoints: kelpied.endpoint });
    await plugin.ready();
    await network.server('lobby');
    await network.server('arena', {}, { maxPlayers: 1 });
    const gate = await network.proxy('gate');
    const waiting = Array.from({ length: 5 }, (_, number) => String(1000 + number));
    for (const xuid of [...waiting, '1'])
      await gate.bring({ xuid, name: `Player ${xuid}` }, 'lobby');
    await plugin.move({ id: '1' }, { server: 'arena' });
    let refusals = 0;
    /** Tries until the player has a place. A reservation that the coordinator gave is good for the transfer. */
    const queue = async (id: string): Promise<void> => {
      for (;;) {
        const held = await plugin.reserve({ node: 'arena', ...TTL }).catch((error: unknown) => {
          expect((error as KelpieError).reason).to.equal('SERVER_FULL');
          refusals += 1;
        });
        if (!held) continue;
        await plugin.move({ id }, { server: held.node }, { reservation: held });
        return gate.move(id, 'lobby');
      }
    };
    let isOver = false;
    /** Somebody who takes each slot that is free, and gives it back. */
    const rival = async (): Promise<void> => {
      while (!isOver) {
        const held = await api.nodes.reserve({ node: 'arena', ...TTL }).catch(() => undefined);
        if (held) await api.nodes.release(held.id);
      }
    };
    const queued = Promise.all(waiting.map(queue));
    const rivals = [rival(), rival()];
    while (refusals < 20) await new Promise((next) => setImmediate(next));
    await gate.move('1', 'lobby');
    await queued;
    isOver = true;
    await Promise.all(rivals);
    expect((await api.nodes.get('arena')).reservedSlots).to.equal(0);
    await plugin.close();
    await network.close();
    api.close();
    await kelpied.stop();
  });

  it('free the place when their transfer fails, also by a call without a session', async () => {
    const kelpied = await startKelpied();
    const network = new FakeNetwork({ endpoints: kelpied.endpoint });
    const api = apiAt(kelpied.endpoint);
    await network.server('lobby');
    await network.server('arena', {}, { maxPlayers: 1 });
    const gate = await network.proxy('gate', { moves: refuse('in a form') });
    await gate.bring({ xuid: '1', name: 'Steve' }, 'lobby');
    const reservation = await api.nodes.reserve({ node: 'arena', ...TTL });
    const moved = async (): Promise<void> => {
      const target = { player: { id: '1' } };
      const updates = api.players.transfer(target, { server: 'arena' }, { reservation });
      for await (const { stage } of updates) expect(stage).to.not.equal('ARRIVED');
    };
    expect((await rejectionOf(KelpieError, moved())).reason).to.equal('REJECTED_BY_PROXY');
    while ((await api.nodes.get('arena')).reservedSlots > 0);
    expect((await rejectionOf(KelpieError, moved())).reason).to.equal('RESERVATION_NOT_FOUND');
    await network.close();
    api.close();
    await kelpied.stop();
  });
});

describe('transfers at once', () => {
  it('never overfill a server: of 100 players, those who fit arrive', async () => {
    const kelpied = await startKelpied();
    const network = new FakeNetwork({ endpoints: kelpied.endpoint });
    const api = apiAt(kelpied.endpoint);
    const own = { name: 'shop', role: 'SERVICE', endpoints: kelpied.endpoint } as const;
    const issuer = connect({ ...own, roster: { players: true } });
    let most = 0;
    issuer.players.on('moved', () => {
      most = Math.max(most, issuer.roster.playerCount({ server: 'arena' }));
    });
    await issuer.ready();
    await network.server('lobby');
    await network.server('arena', {}, { maxPlayers: 10 });
    const gates = [await network.proxy('gate-1'), await network.proxy('gate-2')];
    for (let number = 0; number < 100; number++) {
      const facts = { xuid: String(1000 + number), name: `Player ${number}` };
      await gates[number % 2]?.bring(facts, 'lobby');
    }
    const ends: Record<string, number> = {};
    const count = (end: string): void => void (ends[end] = (ends[end] ?? 0) + 1);
    const moves = Array.from({ length: 100 }, (_, number) =>
      issuer.move({ id: String(1000 + number) }, { server: 'arena' }).then(
        () => count('ARRIVED'),
        (error: unknown) => count((error as KelpieError).reason),
      ),
    );
    await Promise.all(moves);
    expect(ends).to.deep.equal({ ARRIVED: 10, SERVER_FULL: 90 });
    expect(most).to.equal(10);
    expect(issuer.roster.playerCount({ server: 'arena' })).to.equal(10);
    while ((await api.nodes.get('arena')).reservedSlots > 0);
    await issuer.close();
    await network.close();
    api.close();
    await kelpied.stop();
  });
});
