/** Logins that no coordinator decides in time. */
import { expect } from 'chai';
import type { Acquired } from '../../../client/players/options.js';
import { NOTHING_LEFT, SdkWorld } from '../../support/model/sdk-world.js';
import { settled } from '../../support/journal/history.js';

const ALEX = { xuid: '2535400000000001', name: 'Alex' };

async function gate(players: { whenAway?: 'open' | 'deny'; acquireTimeoutMs?: number } = {}) {
  const world = await SdkWorld.open();
  const onEvicted = () => undefined;
  const options = { name: 'gate-1', role: 'PROXY', players: { onEvicted, ...players } } as const;
  const { client } = world.connect(options);
  await world.flow();
  await client.ready();
  return { world, client };
}

describe('a login without an answer', () => {
  it('is granted after 5 s, and settled when the answer comes', async () => {
    const { world, client } = await gate();
    let got: Acquired | undefined;
    void client.players.acquire(ALEX).then((acquired) => (got = acquired));
    // The coordinator has received it; the answer is on its way.
    await settled(20);
    for (const stream of world.wire.streams) stream.deliver('up');
    world.clock.advance(4999);
    await settled(20);
    expect(got).to.equal(undefined);
    world.clock.advance(1);
    await settled(20);
    expect(got).to.deep.equal({ granted: true, generation: 0 });
    const joined = client.players.joined(ALEX);
    await world.quiet();
    await joined;
    const row = world.town.playerRows.get(ALEX.xuid);
    expect(row).to.include({ proxy: 'gate-1', loggingIn: false });
    expect(await world.close()).to.deep.equal(NOTHING_LEFT);
  });

  /** Alex is on gate-2, which does not say whether they are there, and logs in at gate-1, which waits for 300 ms. */
  const late = async () => {
    const evicted: string[] = [];
    const onEvicted = ({ id, text }: { id: string; text: string }) =>
      evicted.push(`${id}: ${text}`);
    const world = await SdkWorld.open();
    const other = world.connect({ name: 'gate-2', role: 'PROXY', players: { onEvicted: () => 0 } });
    const players = { onEvicted, acquireTimeoutMs: 300 };
    const { client } = world.connect({ name: 'gate-1', role: 'PROXY', players });
    let answer = (verified: { connected: boolean }): unknown => verified;
    other.client.handle('verify_player', () => new Promise((resolve) => (answer = resolve)));
    await world.flow();
    await client.ready();
    const there = other.client.players.joined(ALEX);
    await world.flow();
    await there;
    const login = client.players.acquire(ALEX);
    await world.flow();
    await world.pass(300);
    expect(await login).to.deep.equal({ granted: true, generation: 0 });
    const joined = client.players.joined(ALEX);
    await world.flow();
    return {
      world,
      client,
      joined,
      evicted,
      answer: (connected: boolean) => answer({ connected }),
    };
  };

  it('keeps the player who is in when the grant comes after their join', async () => {
    const { world, client, joined, evicted } = await late();
    await world.pass(2000);
    await joined;
    await world.quiet();
    expect(evicted).to.deep.equal([]);
    expect(client.players.get(ALEX.xuid)).to.include({ name: 'Alex' });
    const row = world.town.playerRows.get(ALEX.xuid);
    expect(row).to.include({ proxy: 'gate-1', loggingIn: false });
    expect(await world.close()).to.deep.equal(NOTHING_LEFT);
  });

  it('evicts the player who is in when the coordinator denies the login after their join', async () => {
    const { world, client, joined, evicted, answer } = await late();
    answer(true);
    await world.flow();
    await joined;
    expect(evicted).to.deep.equal([`${ALEX.xuid}: Alex is already on this network.`]);
    expect(client.players.size).to.equal(0);
    expect(world.town.playerRows.get(ALEX.xuid)).to.include({ proxy: 'gate-2' });
    expect(await world.close()).to.deep.equal(NOTHING_LEFT);
  });

  it('gives the player the generation of a grant that comes before their join', async () => {
    const world = await SdkWorld.open();
    const other = world.connect({ name: 'gate-2', role: 'PROXY', players: { onEvicted: () => 0 } });
    const players = { onEvicted: () => undefined, acquireTimeoutMs: 300 };
    const { client } = world.connect({ name: 'gate-1', role: 'PROXY', players });
    other.client.handle('verify_player', () => new Promise(() => undefined));
    await world.flow();
    await client.ready();
    const there = other.client.players.joined(ALEX);
    await world.flow();
    await there;
    const login = client.players.acquire(ALEX);
    await world.flow();
    await world.pass(300);
    expect(await login).to.deep.equal({ granted: true, generation: 0 });
    await world.pass(2000);
    const joined = client.players.joined(ALEX);
    await world.flow();
    await joined;
    await world.quiet();
    const row = world.town.playerRows.get(ALEX.xuid);
    expect(row).to.include({ proxy: 'gate-1', loggingIn: false });
    expect(client.pending).to.equal(0);
    expect(await world.close()).to.deep.equal(NOTHING_LEFT);
  });

  it('ends with the player who left before the grant came', async () => {
    const { world, client, joined } = await late();
    const left = client.players.left(ALEX.xuid);
    await world.pass(2000);
    await Promise.all([joined, left]);
    await world.quiet();
    expect(world.town.playerRows.get(ALEX.xuid)).to.equal(undefined);
    expect(client.pending).to.equal(0);
    expect(await world.close()).to.deep.equal(NOTHING_LEFT);
  });

  it('is denied if the options say deny, and the client gives a late grant back', async () => {
    const { world, client } = await gate({ whenAway: 'deny', acquireTimeoutMs: 800 });
    let got: Acquired | undefined;
    void client.players.acquire(ALEX).then((acquired) => (got = acquired));
    await settled(20);
    for (const stream of world.wire.streams) stream.deliver('up');
    world.clock.advance(800);
    await settled(20);
    expect(got).to.include({ granted: false });
    expect(world.town.playerRows.get(ALEX.xuid)).to.include({ loggingIn: true });
    await world.flow();
    expect(world.town.playerRows.get(ALEX.xuid)).to.equal(undefined);
    expect(await world.close()).to.deep.equal(NOTHING_LEFT);
  });
});

describe('a login in maintenance', () => {
  const STEVE = { xuid: '2535400000000002', name: 'Steve' };
  const begin = (world: SdkWorld, message = '') => {
    const settings = { maintenance: true, maintenanceMessage: message, allowedPlayers: ['ALEX'] };
    return world.town.operatorSettings.set({ settings, expectedSequence: undefined });
  };

  it('is denied with the reason, and that of an allowed player is granted', async () => {
    const { world, client } = await gate();
    await begin(world, 'Back soon');
    const login = client.players.acquire(STEVE);
    await world.flow();
    const denied = { granted: false, text: 'Back soon', reason: 'MAINTENANCE' };
    expect(await login).to.deep.equal(denied);
    const other = client.players.acquire(ALEX);
    await world.flow();
    expect(await other).to.include({ granted: true });
    expect(await world.close()).to.deep.equal(NOTHING_LEFT);
  });

  it('is denied while no coordinator answers too, as the roster has the settings', async () => {
    const { world, client } = await gate();
    const joined = client.players.joined(STEVE);
    await world.flow();
    await joined;
    await begin(world);
    await world.flow();
    for (const stream of world.wire.streams) stream.cut('both');
    const text = 'The network is in maintenance. Try again later.';
    expect(await client.players.acquire({ xuid: '7', name: 'Kai' })).to.deep.equal({
      ...{ granted: false, text, reason: 'MAINTENANCE' },
    });
    expect(await client.players.acquire(ALEX)).to.deep.equal({ granted: true, generation: 0 });
    // They are in already.
    expect(await client.players.acquire(STEVE)).to.deep.equal({ granted: true, generation: 0 });
    await world.quiet();
    expect(await world.close()).to.deep.equal(NOTHING_LEFT);
  });
});

describe('many logins at once', () => {
  it('all reach the coordinator: those above its bound wait their turn', async () => {
    const { world, client } = await gate();
    const many = Array.from({ length: 1500 }, (_, index) => {
      return client.players.acquire({ xuid: String(2535400000000001 + index), name: `P${index}` });
    });
    const all = Promise.all(many);
    await Promise.all([world.quiet(), all]);
    for (const acquired of await all) expect(acquired).to.include({ granted: true });
    expect(world.town.playerRows.index.loginsOf('gate-1')).to.equal(1500);
    expect(await world.close()).to.deep.equal(NOTHING_LEFT);
  });
});

describe('a client that is closed with logins, reports, events and a roster under way', () => {
  it('leaves no timer, no stream and no promise', async () => {
    const world = await SdkWorld.open(2);
    const { client } = world.connect({
      name: 'gate-1',
      role: 'PROXY',
      players: { onEvicted: () => undefined, latencies: () => [[ALEX.xuid, 20]] },
      roster: { players: true },
    });
    client.subscribe('>', () => world.later(100_000));
    client.handle('shop.open', () => world.later(100_000));
    await world.flow();
    await client.ready();
    // A new history: the roster waits before it drops players who are not back.
    await world.restart('lower');
    const handled = client.publish('chat.global', 'handled for long');
    await world.pass(3000);
    await handled;
    const under = Promise.allSettled([
      client.players.acquire(ALEX),
      client.players.joined({ xuid: '2535400000000002', name: 'Steve' }),
      client.players.joined({ xuid: '2535400000000003', name: 'Kai', server: 'lobby' }),
      client.call({ node: 'gate-1' }, 'shop.open', 'x', { timeoutMs: 60_000 }),
      client.update({ labels: { a: '1' } }),
      client.publish('chat.global', 'not acknowledged'),
    ]);
    world.drain(0);
    await settled(3);
    expect(client.pending).to.be.above(0);
    expect(await world.close()).to.deep.equal(NOTHING_LEFT);
    await under;
    expect(client.pending).to.equal(0);
  });
});
