/** Players of a network: which proxy holds them, and which events readers get. */
import { expect } from 'chai';
import { Event } from '../../../gen/ts/kelpie/v1/event.js';
import {
  type CoordinatorFrame,
  GoodbyeReason,
  Heartbeat,
} from '../../../gen/ts/kelpie/v1/session_service.js';
import { DuplicatePolicy, PlayerLeaveReason } from '../../../gen/ts/kelpie/v1/player.js';
import { ErrorReason } from '../../../gen/ts/kelpie/v1/error.js';
import { TopicFilter } from '../../../server/topics/filter.js';
import { historyOf, settled } from '../../support/journal/history.js';
import {
  hello,
  join,
  openCoordinator,
  type TestCoordinator,
} from '../../support/model/coordinator.js';
import { about, joined, player, quit, steve, TestProxy } from '../../support/model/proxy.js';
import { until } from '../../support/until.js';

const { DENY_NEW, KICK_OLD, VERIFY_OLD } = DuplicatePolicy;
const steveId = '2535400000000001';

/** The events that a reader of `players.*` gets, as `joined lobby`, `left QUIT`. */
function toldOf(town: TestCoordinator): string[] {
  const told: string[] = [];
  const filter = new TopicFilter(['players.*']);
  town.journal.onAppend((entries) => {
    for (const { topic, event } of entries) if (filter.matches(topic)) told.push(saidBy(event));
  });
  return told;
}

function saidBy(bytes: Uint8Array): string {
  const { body } = Event.decode(bytes);
  switch (body?.$case) {
    case 'playerJoined':
      return `joined ${body.value.player?.proxy}`;
    case 'playerMoved':
      return `moved from "${body.value.fromServer}" to "${body.value.player?.server}"`;
    case 'playerUpdated':
      return 'updated';
    case 'playerLeft':
      return `left ${nameOf(body.value.reason)}`;
    default:
      return body?.$case ?? 'nothing';
  }
}

function nameOf(reason: PlayerLeaveReason): string {
  return Object.entries(PlayerLeaveReason).find(([, number]) => number === reason)?.[0] ?? '?';
}

/** The players in a Snapshot. */
function shown({ network }: TestCoordinator): number {
  return [...network.resources(new TopicFilter(['players.*']))].length;
}

describe('a player', () => {
  it('is not online before their proxy reports the join', async () => {
    const town = await openCoordinator();
    const told = toldOf(town);
    const proxy = await TestProxy.join(town, 'gate-1');
    const generation = await proxy.granted(steve());
    expect(town.playerRows.online).to.equal(0);
    expect(shown(town)).to.equal(0);
    const [result] = await proxy.report(joined(steve(), generation));
    expect(result).to.deep.include({ generation, error: undefined });
    expect(town.playerRows.online).to.equal(1);
    expect(shown(town)).to.equal(1);
    expect(told).to.deep.equal(['joined gate-1']);
  });

  it('is evicted from the proxy if the login takes longer than a minute', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1');
    const generation = await proxy.granted(steve());
    for (let seconds = 0; seconds < 60; seconds += 10) {
      proxy.stream.send({ $case: 'heartbeat', value: Heartbeat.create() });
      await proxy.stream.next('heartbeatAck');
      town.clock.advance(10_000);
    }
    const evicted = await proxy.stream.next('playerEvicted');
    const reason = PlayerLeaveReason.LAPSED;
    expect(evicted).to.include({ playerId: steveId, generation, reason });
    expect(town.playerRows.size).to.equal(0);
    expect(town.ownership.pending).to.equal(0);
    const [late] = await proxy.report(joined(steve(), generation));
    expect(late?.error?.reason).to.equal(ErrorReason.PLAYER_NOT_FOUND);
  });

  it('moves, changes and quits, and a repeated report is no event', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1');
    await join(town, hello('lobby'));
    await join(town, hello('bedwars'));
    const told = toldOf(town);
    const generation = await proxy.bring(steve({ server: 'lobby' }));
    const move = about(steveId, generation, { $case: 'movedTo', value: 'BedWars' });
    const change = {
      properties: { rank: 'vip' },
      removedProperties: [],
      context: undefined,
      language: undefined,
    };
    const changed = about(steveId, generation, { $case: 'changed', value: change });
    const results = await proxy.report(move, move, changed, changed, quit(steveId, generation));
    expect(results.map(({ error }) => error)).to.deep.equal(Array(5).fill(undefined));
    expect(told).to.deep.equal([
      'joined gate-1',
      'moved from "lobby" to "bedwars"',
      'updated',
      'left QUIT',
    ]);
    expect(town.playerRows.size).to.equal(0);
  });

  it('is counted on their proxy and on their server', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1');
    await join(town, hello('lobby'));
    const { playerRows } = town;
    const generation = await proxy.bring(player(1, { server: 'lobby' }));
    await proxy.bring(player(2));
    expect(playerRows.byProxy.get('gate-1').size).to.equal(2);
    expect(playerRows.byServer.get('lobby').size).to.equal(1);
    await proxy.report(about('1001', generation, { $case: 'movedTo', value: '' }));
    expect(playerRows.byServer.get('lobby').size).to.equal(0);
    expect(playerRows.byServer.size).to.equal(0);
  });

  it('is found by id, XUID, UUID and name in any case', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1');
    const uuid = '0A1B2C3D-0000-4000-8000-00000000000f';
    await proxy.bring(steve({ uuid, name: 'Ünal The Great' }));
    const { playerRows } = town;
    const by = (by: 'id' | 'xuid' | 'uuid' | 'name', value: string) =>
      playerRows.find({ $case: by, value })[0]?.player.id;
    expect(by('id', steveId)).to.equal(steveId);
    expect(by('xuid', steveId)).to.equal(steveId);
    expect(by('uuid', uuid)).to.equal(steveId);
    expect(by('name', 'ünal the great')).to.equal(steveId);
    expect(by('name', 'u\u0308NAL THE GREAT'), 'composed or not').to.equal(steveId);
    expect(by('name', 'unal the great')).to.equal(undefined);
  });
});

describe('a login of a player whom another proxy holds', () => {
  it('is denied by DENY_NEW', async () => {
    const town = await openCoordinator();
    const [old, other] = await proxies(town);
    await old.bring(steve());
    const outcome = await other.acquire(steve(), DENY_NEW);
    expect(outcome).to.deep.include({ $case: 'denial' });
    expect(outcome?.value).to.include({ proxy: 'gate-1' });
    expect(town.playerRows.byProxy.get('gate-1').size).to.equal(1);
  });

  it('ends the old login by KICK_OLD, and the old proxy gets PlayerEvicted', async () => {
    const town = await openCoordinator();
    const told = toldOf(town);
    const [old, other] = await proxies(town);
    const before = await old.bring(steve());
    const generation = await other.granted(steve(), KICK_OLD);
    expect(generation).to.be.greaterThan(before);
    const evicted = await old.stream.next('playerEvicted');
    expect(evicted).to.include({ playerId: steveId, generation: before });
    await other.report(joined(steve(), generation));
    expect(told).to.deep.equal(['joined gate-1', 'left REPLACED', 'joined gate-2']);
  });

  it('evicts them before a report about their older login is refused, also on the same proxy', async () => {
    const refused = new Set<string>();
    for (let turns = 0; turns < 10; turns++) {
      for (const same of [false, true]) {
        const [old, other] = await proxies(await openCoordinator());
        const generation = await old.bring(steve());
        const login = { player: steve(), policy: KICK_OLD };
        (same ? old : other).stream.send({ $case: 'acquirePlayer', value: login });
        await settled(turns);
        const move = about(steveId, generation, { $case: 'movedTo', value: 'arena' });
        const value = { reports: [move] };
        old.stream.send({ requestId: 1, frame: { $case: 'reportPlayers', value } });
        const frames: NonNullable<CoordinatorFrame['frame']>[] = [];
        while (frames.at(-1)?.$case !== 'playersReported') {
          for (const { frame } of (await old.stream.pull()) ?? []) if (frame) frames.push(frame);
        }
        const answer = frames.at(-1);
        const [result] = answer?.$case === 'playersReported' ? answer.value.results : [];
        if (!result?.error) continue;
        refused.add(`${result.error.reason}, ${same ? 'here' : 'elsewhere'}`);
        expect(result.generation > 0, 'whether the proxy holds them').to.equal(same);
        expect(frames.map(({ $case }) => $case)).to.include('playerEvicted');
      }
    }
    const { STALE_GENERATION } = ErrorReason;
    const all = [`${STALE_GENERATION}, here`, `${STALE_GENERATION}, elsewhere`];
    expect([...refused]).to.have.members(all);
  });

  it('is granted to the same proxy again, and the older login ends', async () => {
    const town = await openCoordinator();
    const told = toldOf(town);
    const proxy = await TestProxy.join(town, 'gate-1');
    const before = await proxy.bring(steve());
    const generation = await proxy.granted(steve(), DENY_NEW);
    expect(generation).to.be.greaterThan(before);
    await proxy.report(joined(steve(), generation));
    expect(told).to.deep.equal(['joined gate-1', 'left REPLACED', 'joined gate-1']);
  });

  it('is denied by VERIFY_OLD if the old proxy has a recent packet of their client', async () => {
    const town = await openCoordinator();
    const [old, other] = await proxies(town);
    const generation = await old.bring(steve());
    const login = other.acquire(steve(), VERIFY_OLD);
    const asked = await old.stream.next('commandRequest');
    expect(asked.command?.form).to.deep.equal({
      $case: 'verifyPlayer',
      value: { player: { playerId: steveId, generation } },
    });
    answer(old, asked.commandId, true, 1.5);
    expect((await login)?.$case).to.equal('denial');
    expect(town.commands.pending).to.equal(0);
    expect(town.ownership.pending).to.equal(0);
  });

  it('ends an old login without a packet of the client for 2 s, or without a connection', async () => {
    for (const [connected, seconds] of [
      [true, 2.5],
      [false, 0],
    ] as const) {
      const town = await openCoordinator();
      const [old, other] = await proxies(town);
      await old.bring(steve());
      const login = other.acquire(steve());
      answer(old, (await old.stream.next('commandRequest')).commandId, connected, seconds);
      expect((await login)?.$case).to.equal('generation');
    }
  });

  it('ends an old login if its proxy does not answer two questions within 800 ms', async () => {
    const town = await openCoordinator();
    const [old, other] = await proxies(town);
    await old.bring(steve());
    const login = other.acquire(steve());
    await old.stream.next('commandRequest');
    town.clock.advance(400);
    await old.stream.next('commandCancelled');
    await old.stream.next('commandRequest');
    town.clock.advance(400);
    expect((await login)?.$case).to.equal('generation');
    expect(town.commands.pending).to.equal(0);
  });

  it('ends an old login if its proxy does not handle the question', async () => {
    const town = await openCoordinator();
    const old = await TestProxy.join(town, 'gate-1');
    const other = await TestProxy.join(town, 'gate-2');
    await old.bring(steve());
    expect((await other.acquire(steve()))?.$case).to.equal('generation');
  });
});

describe('a proxy that leaves', () => {
  it('ends its players, and only them, in the same transaction', async () => {
    const town = await openCoordinator();
    const [first, second] = await proxies(town);
    await first.bring(player(1));
    await first.granted(player(2));
    await second.bring(player(3));
    const { entries } = historyOf(town.journal);
    await first.stream.cut();
    town.clock.advance(1000);
    await settled();
    expect(town.playerRows.size, 'while it may come back').to.equal(3);
    town.clock.advance(14_000);
    await until(() => town.playerRows.size === 1);
    expect([...town.playerRows.byProxy.get('gate-2')]).to.deep.equal(['1003']);
    const ends = entries.filter(({ event }) => Event.decode(event).body?.$case === 'playerLeft');
    expect(ends.map(({ topic }) => topic)).to.have.members(['players.1001', 'kelpie.players']);
    const left = entries.find(({ event }) => Event.decode(event).body?.$case === 'nodeLeft');
    expect(ends.map(({ tag }) => tag)).to.deep.equal([left?.tag, left?.tag]);
    expect(town.playerRows.ownedBy.size).to.equal(1);
  });

  it('ends thousands of players', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1');
    const many = Array.from({ length: 2500 }, (_, number) => player(number));
    for (let from = 0; from < many.length; from += 1000) {
      const part = many.slice(from, from + 1000).sort((a, b) => (a.xuid < b.xuid ? -1 : 1));
      for (const one of part) one.id = one.xuid;
      const value = { asOf: 2 ** 52, afterId: 'z', upToId: 'z', players: part, loginAges: {} };
      proxy.stream.send({ $case: 'syncPlayers', value });
      expect((await proxy.stream.next('playersSynced')).results).to.have.length(part.length);
    }
    expect(town.playerRows.online).to.equal(2500);
    proxy.stream.send({ $case: 'goodbye', value: { reason: GoodbyeReason.STOP } });
    expect(await proxy.stream.ended()).to.equal(undefined);
    expect(town.playerRows.size).to.equal(0);
    expect(town.nodeRows.nodes.size).to.equal(0);
  });

  it('leaves no player to the next process with its name', async () => {
    const town = await openCoordinator();
    const told = toldOf(town);
    const first = await TestProxy.join(town, 'gate-1');
    await first.bring(steve());
    await first.stream.cut();
    await TestProxy.join(town, 'gate-1');
    expect(told).to.deep.equal(['joined gate-1', 'left PROXY_LOST']);
    expect(town.playerRows.size).to.equal(0);
  });
});

describe('a list of players', () => {
  it('replaces the players of a proxy: new players join, missing players leave', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1');
    const gone = await proxy.bring(player(1));
    const stays = await proxy.bring(player(2));
    const told = toldOf(town);
    const asOf = Math.max(gone, stays);
    const list = [player(2, { generation: stays }), player(3)];
    const { results, kickedPlayerIds } = await proxy.sync(list, asOf);
    expect(told).to.have.members(['left SYNC', 'joined gate-1']);
    expect(results.map(({ playerId }) => playerId)).to.have.members(['1002', '1003']);
    expect(kickedPlayerIds).to.deep.equal([]);
    const again = await proxy.sync(
      results.map(({ playerId, generation }) => player(Number(playerId) - 1000, { generation })),
      Math.max(...results.map(({ generation }) => generation)),
    );
    expect(again.results).to.deep.equal(results);
    expect(told, 'nothing differs any more').to.have.length(2);
  });

  it('does not touch logins that began after the list was made', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1');
    const asOf = await proxy.bring(player(1));
    await proxy.granted(player(2));
    await proxy.bring(player(3));
    await proxy.sync([player(1, { generation: asOf })], asOf);
    expect(town.playerRows.size).to.equal(3);
  });

  it('keeps a login under a grant, on the same stream and on the next one', async () => {
    const town = await openCoordinator();
    const instanceId = new Uint8Array(16).fill(1);
    const proxy = await TestProxy.join(town, 'gate-1', { instanceId });
    const first = await proxy.granted(player(1));
    await proxy.sync([], first);
    const [here] = await proxy.report(joined(player(1), first));
    expect(here).to.include({ generation: first, error: undefined });
    const second = await proxy.granted(player(2));
    await proxy.stream.cut();
    const next = await TestProxy.join(town, 'gate-1', { instanceId });
    await next.sync([player(1, { generation: first })], second);
    const [there] = await next.report(joined(player(2), second));
    expect(there).to.include({ generation: second, error: undefined });
  });

  it('makes the proxy kick players with a newer login elsewhere', async () => {
    const town = await openCoordinator();
    const [first, second] = await proxies(town);
    const before = await first.bring(steve());
    const generation = await second.granted(steve(), KICK_OLD);
    await second.report(joined(steve(), generation));
    const answer = await first.sync([steve({ generation: before })], before);
    expect(answer).to.deep.include({ results: [], kickedPlayerIds: [steveId] });
    expect(town.playerRows.byProxy.get('gate-2').size).to.equal(1);
  });

  it('takes over a player without a grant from the proxy that holds them', async () => {
    const town = await openCoordinator();
    const [first, second] = await proxies(town);
    const before = await first.bring(steve());
    const { results } = await second.sync([steve()], before);
    expect(results[0]?.generation).to.be.greaterThan(before);
    expect((await first.stream.next('playerEvicted')).generation).to.equal(before);
  });

  it('comes in parts, and each part replaces its range of ids', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1');
    for (const number of [1, 2, 3]) await proxy.bring(player(number));
    const value = { asOf: 2 ** 52, afterId: '1001', upToId: '1002', players: [], loginAges: {} };
    proxy.stream.send({ $case: 'syncPlayers', value });
    await proxy.stream.next('playersSynced');
    expect([...town.playerRows.byProxy.get('gate-1')]).to.deep.equal(['1001', '1003']);
  });

  it('reports invalid facts of a player, and stores the valid rest', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1');
    const { results } = await proxy.sync(
      [player(1, { server: 'GATE-1' }), player(2, { name: '' })],
      0,
    );
    const [first, second] = results;
    expect(first?.error?.reason).to.equal(ErrorReason.PLAYER_INVALID);
    expect(first?.generation).to.be.greaterThan(0);
    expect(second).to.deep.include({ playerId: '1002', generation: 0 });
    expect(second?.error?.reason).to.equal(ErrorReason.PLAYER_INVALID);
    expect([...town.playerRows.byProxy.get('gate-1')]).to.deep.equal(['1001']);
  });
});

async function proxies(town: TestCoordinator): Promise<[TestProxy, TestProxy]> {
  const commands = ['verify_player'];
  const first = await TestProxy.join(town, 'gate-1', { commands });
  return [first, await TestProxy.join(town, 'gate-2', { commands })];
}

function answer(proxy: TestProxy, commandId: number, connected: boolean, seconds: number): void {
  const silence = { seconds: Math.floor(seconds), nanos: (seconds % 1) * 1e9 };
  const verified = { $case: 'verified', value: { connected, silence } } as const;
  const outcome = { $case: 'output', value: { form: verified } } as const;
  proxy.stream.send({ $case: 'commandReply', value: { commandId, outcome } });
}
