/** One person has one presence: that of the newer login, in every order of logins and lists. */
import { expect } from 'chai';
import { Event } from '../../../gen/ts/kelpie/v1/event.js';
import {
  DuplicatePolicy,
  type Player,
  PlayerLeaveReason,
} from '../../../gen/ts/kelpie/v1/player.js';
import { durationOf } from '../../../server/core/duration.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { settled } from '../../support/journal/history.js';
import {
  hello,
  join,
  openCoordinator,
  openJournal,
  openMortal,
  type TestCoordinator,
} from '../../support/model/coordinator.js';
import { about, joined, player, quit, steve, TestProxy } from '../../support/model/proxy.js';

const { KICK_OLD, DENY_NEW } = DuplicatePolicy;
const uuid = '0a1b2c3d-0000-4000-8000-00000000000f';
const both = steve({ uuid });
const uuidAlone = steve({ xuid: '', uuid: uuid.toUpperCase() });

const held = ({ playerRows }: TestCoordinator) =>
  [...playerRows.entries()].map(([id, value]) => `${id} on ${value.proxy}`);

describe('logins that share an identifier', () => {
  const pairs: [string, Player, Player][] = [
    ['the UUID, the second without a XUID', both, uuidAlone],
    ['the UUID, the first without a XUID', uuidAlone, both],
    ['the XUID, the second without a UUID', both, steve()],
    ['the UUID, under two XUIDs', both, steve({ xuid: '7', uuid })],
  ];
  for (const [what, first, second] of pairs) {
    it(`(${what}) are of one person: denied, or the older one ends`, async () => {
      const town = await openCoordinator();
      const [one, other] = await gates(town);
      const generation = await one.bring(first);
      expect(await other.acquire(second, DENY_NEW)).to.have.property('$case', 'denial');
      expect(held(town)).to.have.length(1);
      await other.granted(second, KICK_OLD);
      expect((await one.stream.next('playerEvicted')).generation).to.equal(generation);
      expect(held(town)).to.have.length(1);
    });

    it(`(${what}) are of one person in a join without a grant, and in a list`, async () => {
      const town = await openCoordinator();
      const [one, other] = await gates(town);
      await one.report(joined(first));
      await other.report(joined(second));
      expect((await one.stream.next('playerEvicted')).reason).to.equal(PlayerLeaveReason.REPLACED);
      await one.sync([first], 0);
      expect((await other.stream.next('playerEvicted')).reason).to.equal(
        PlayerLeaveReason.REPLACED,
      );
      expect(held(town)).to.deep.equal([`${first.xuid || uuid} on gate-1`]);
    });
  }

  it('are decided one after the other, also at the same time', async () => {
    const town = await openCoordinator();
    const [one, other] = await gates(town);
    const outcomes = await Promise.all([
      one.acquire(both, DENY_NEW),
      other.acquire(uuidAlone, DENY_NEW),
    ]);
    expect(outcomes.map((outcome) => outcome?.$case)).to.have.members(['generation', 'denial']);
    expect(held(town)).to.have.length(1);
  });

  it('in one list have one presence: the proxy must kick the second', async () => {
    const town = await openCoordinator();
    const [one] = await gates(town);
    const { results, kickedPlayerIds } = await one.sync([both, uuidAlone], 0);
    expect(results.map(({ playerId }) => playerId)).to.deep.equal([both.xuid]);
    expect(kickedPlayerIds).to.deep.equal([uuid]);
    expect(held(town)).to.deep.equal([`${both.xuid} on gate-1`]);
  });

  it('that two writers stored at the same time end with one presence: the newer one', async () => {
    const town = await openCoordinator();
    const [one, other] = await gates(town);
    // A list and a login in one tick: neither sees the other's row.
    const value = { asOf: 0, afterId: '', upToId: '', players: [both], loginAges: {} };
    one.stream.send({ $case: 'syncPlayers', value });
    await other.granted(uuidAlone, KICK_OLD);
    await one.stream.next('playersSynced');
    await one.report(quit('77', 1));
    expect(held(town)).to.have.length(1);
    expect(town.ownership.pending - 1, 'except the login that waits for its join').to.be.lessThan(
      1,
    );
  });
});

describe('logins while no coordinator answered', () => {
  for (const order of [
    ['gate-1', 'gate-2'],
    ['gate-2', 'gate-1'],
  ] as const) {
    it(`are decided by their ages, not by the order of the lists: ${order.join(', ')}`, async () => {
      const town = await openCoordinator();
      const ages = { 'gate-1': 60_000, 'gate-2': 20_000 };
      const proxies = new Map<string, TestProxy>();
      for (const name of order) {
        const proxy = await TestProxy.join(town, name);
        proxies.set(name, proxy);
        await list(proxy, ages[name]);
        town.clock.advance(1000);
        for (const key of order) ages[key] += 1000;
      }
      expect(held(town)).to.deep.equal([`${both.xuid} on gate-2`]);
      const since = town.playerRows.get(both.xuid)?.player.joinTime?.getTime();
      expect(since, 'they joined when they logged in').to.equal(town.clock.wall() - ages['gate-2']);
    });

    it(`of one age go to the proxy with the first name: ${order.join(', ')}`, async () => {
      const town = await openCoordinator();
      for (const name of order) await list(await TestProxy.join(town, name), 5000);
      expect(held(town)).to.deep.equal([`${both.xuid} on gate-1`]);
    });
  }

  it('are older than a login with a later grant', async () => {
    const town = await openCoordinator();
    const granted = await TestProxy.join(town, 'gate-1');
    await granted.bring(both);
    town.clock.advance(1000);
    const { kickedPlayerIds } = await list(await TestProxy.join(town, 'gate-2'), 60_000);
    expect(kickedPlayerIds).to.deep.equal([both.xuid]);
  });

  it('may have any age', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1');
    for (const seconds of [-5, 1e15, 2 ** 52]) {
      const { results } = await list(proxy, 0, { seconds, nanos: -1 });
      expect(results[0]?.error).to.equal(undefined);
    }
  });
});

describe('a server that is no node', () => {
  it('is stored with its name and a mark, and lookups find it', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1');
    const [result] = await proxy.report(joined(steve({ server: 'Survival 1' })));
    expect(result?.error).to.equal(undefined);
    expect(rowOf(town)).to.include({ server: 'survival 1', serverUnregistered: true });
    expect([...town.playerRows.byServer.get('survival 1')]).to.have.length(1);
    const generation = result?.generation ?? 0;
    await proxy.report(about(both.xuid, generation, { $case: 'movedTo', value: 'Creative' }));
    expect(rowOf(town)).to.include({ server: 'creative', serverUnregistered: true });
    await join(town, hello('creative'));
    await proxy.report(about(both.xuid, generation, { $case: 'movedTo', value: 'creative' }));
    expect(rowOf(town)).to.include({ server: 'creative', serverUnregistered: false });
  });

  it('can be a server that leaves during a move to it', async () => {
    const clock = new FakeClock();
    let turns = 0;
    const town = await openMortal(openJournal(clock), clock, { turns: () => turns });
    const proxy = await TestProxy.join(town, 'gate-1');
    await join(town, hello('lobby'));
    const generation = await proxy.bring(steve());
    const owner = town.nodeRows.owners.get('lobby')?.sequence ?? 0;
    // The departure is sent to the journal, and not in the tables yet.
    turns = 10;
    const left = town.claims.leave('lobby', owner, 1);
    await settled(3);
    expect(town.nodeRows.nodes.get('lobby')).not.to.equal(undefined);
    const moved = about(both.xuid, generation, { $case: 'movedTo', value: 'lobby' });
    const [[result]] = await Promise.all([proxy.report(moved), left]);
    expect(result?.error).to.equal(undefined);
    expect(rowOf(town)).to.include({ server: 'lobby', serverUnregistered: true });
    town.die();
  });
});

describe('joins without a grant', () => {
  it('apply before later reports in the same frame', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1');
    await join(town, hello('lobby'));
    const results = await proxy.report(
      joined(player(1)),
      about('1001', 0, { $case: 'movedTo', value: 'lobby' }),
      joined(player(2)),
      quit('1002', 0),
      joined(player(2)),
      about('1003', 0, { $case: 'movedTo', value: 'lobby' }),
    );
    expect(results.map(({ error }) => error?.reason)).to.deep.equal([
      ...[undefined, undefined, undefined, undefined, undefined],
      36,
    ]);
    expect(town.playerRows.get('1001')?.server).to.equal('lobby');
    expect(town.playerRows.onlineOf('1002')).not.to.equal(undefined);
    const told: (string | undefined)[] = [];
    for (const { topic, event } of (await entriesOf(town)).filter(isPlayers))
      told.push(`${topic} ${Event.decode(event).body?.$case}`);
    expect(told).to.deep.equal([
      'players.1001 playerJoined',
      'players.1001 playerMoved',
      'players.1002 playerJoined',
      'players.1002 playerLeft',
      'players.1002 playerJoined',
    ]);
  });

  it('of one frame take a few transactions, not two each', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1');
    let commits = 0;
    town.journal.onAppend(() => void (commits += 1));
    const reports = Array.from({ length: 256 }, (_, number) => joined(player(number)));
    const results = await proxy.report(...reports);
    expect(results.filter(({ generation }) => generation > 0)).to.have.length(256);
    expect(town.playerRows.online).to.equal(256);
    expect(commits).to.be.lessThan(10);
  });
});

const isPlayers = ({ topic }: { topic: string }): boolean => topic.startsWith('players.');

async function entriesOf({ journal }: TestCoordinator) {
  const page = await journal.read(journal.oldest, 1000);
  return 'entries' in page ? page.entries : [];
}

function rowOf({ playerRows }: Pick<TestCoordinator, 'playerRows'>) {
  return playerRows.get(both.xuid)?.player;
}

async function gates(town: TestCoordinator): Promise<[TestProxy, TestProxy]> {
  return [await TestProxy.join(town, 'gate-1'), await TestProxy.join(town, 'gate-2')];
}

/** A list with one player, who logged in `ageMs` ago, while no coordinator answered. */
async function list(proxy: TestProxy, ageMs: number, age = durationOf(ageMs)) {
  const loginAges = { [both.xuid]: age };
  const value = { asOf: 0, afterId: '', upToId: '', players: [steve()], loginAges };
  proxy.stream.send({ $case: 'syncPlayers', value });
  return proxy.stream.next('playersSynced');
}
