/** The reports of a proxy: the whole list on each new stream, then each change; a refusal reverts its change. */
import { expect } from 'chai';
import type { Evicted } from '../../../client/index.js';
import { KelpieError } from '../../../client/errors.js';
import { PlayerLeaveReason } from '../../../gen/ts/kelpie/v1/player.js';
import type { PlayerReportResult } from '../../../gen/ts/kelpie/v1/presence.js';
import { settled } from '../../support/journal/history.js';
import { rejectionOf } from '../../support/thrown.js';
import { errorOf, Scripted } from '../../support/wire/scripted.js';

const lost = new Error('the connection broke');
const ALEX = { xuid: '1', name: 'Alex' };
const STEVE = { xuid: '2', name: 'Steve' };

type Reason = Parameters<typeof errorOf>[0];

/** The result of one report: the generation of the player, or why it is refused. */
const result = (playerId: string, outcome: number | Reason): PlayerReportResult =>
  typeof outcome === 'number'
    ? { playerId, generation: outcome, error: undefined }
    : { playerId, generation: 0, error: errorOf(outcome) };

describe('the reports of a proxy', () => {
  let scripted: Scripted;
  const evicted: Evicted[] = [];

  const players = () => scripted.client.players;
  const lists = () => scripted.stream.values('syncPlayers');
  const frames = () => scripted.stream.values('reportPlayers');
  /** Each report in short, by frame. */
  const reports = () =>
    frames().map(({ reports: all }) =>
      all.map(({ playerId, generation, what }) => `${playerId}/${generation} ${what?.$case}`),
    );
  const lastList = () => scripted.stream.requests('syncPlayers').at(-1)?.id ?? 0;
  const lastFrame = () => scripted.stream.requests('reportPlayers').at(-1)?.id ?? 0;

  /** The coordinator answers the newest list. */
  const synced = (...results: PlayerReportResult[]) =>
    scripted.stream.answer(lastList(), {
      $case: 'playersSynced',
      value: { results, kickedPlayerIds: [] },
    });

  /** The coordinator answers the newest frame of reports. */
  const reported = (...results: PlayerReportResult[]) =>
    scripted.stream.answer(lastFrame(), { $case: 'playersReported', value: { results } });

  const evict = (playerId: string, generation: number) =>
    scripted.stream.send({
      $case: 'playerEvicted',
      value: { playerId, generation, reason: PlayerLeaveReason.REPLACED, text: 'elsewhere' },
    });

  /** A new stream, after the one before broke. */
  const nextStream = async (): Promise<void> => {
    await scripted.stream.break(lost);
    await scripted.pass(0);
    await scripted.stream.welcome();
  };

  /** Alex is in, and the coordinator has them with this generation. */
  const alexIsIn = async (generation = 7): Promise<void> => {
    const joined = players().joined({ ...ALEX, server: 'lobby' });
    await settled(10);
    await reported(result('1', generation));
    await joined;
  };

  beforeEach(async () => {
    evicted.length = 0;
    scripted = await Scripted.welcomed({
      role: 'PROXY',
      players: { onEvicted: (one) => void evicted.push(one) },
    });
    await synced();
  });

  afterEach(async () => {
    await scripted.close();
    expect(scripted.client.pending, 'requests after the end').to.equal(0);
    expect(scripted.clock.pending, 'timers after the end').to.equal(0);
  });

  it('begin on each stream with the whole list, also an empty one', async () => {
    expect(lists()).to.have.lengthOf(1);
    expect(lists()[0]?.players).to.deep.equal([]);
    await alexIsIn();
    await nextStream();
    const [list] = lists();
    expect(list?.players.map(({ id, generation }) => [id, generation])).to.deep.equal([['1', 7]]);
    expect(list).to.deep.include({ asOf: 7, afterId: '', upToId: '' });
    const kinds = scripted.stream.kinds.filter((kind) => kind.includes('Players'));
    expect(kinds).to.deep.equal(['syncPlayers']);
  });

  it('of one tick travel in one frame, in their order', async () => {
    await alexIsIn();
    void players().moved('1', 'arena');
    void players().changed('1', { properties: { rank: 'vip' } });
    void players().joined(STEVE);
    void players().left('1');
    await settled(10);
    expect(reports()[1]).to.deep.equal(['1/7 movedTo', '1/7 changed', '2/0 joined', '1/7 left']);
  });

  it('wait for the answer to the join, which brings the generation of their player', async () => {
    const joined = players().joined(ALEX);
    const moved = players().moved('1', 'arena');
    const steve = players().joined(STEVE);
    await settled(10);
    expect(reports()).to.deep.equal([['1/0 joined', '2/0 joined']]);
    await reported(result('1', 7), result('2', 8));
    await Promise.all([joined, steve]);
    expect(reports()[1]).to.deep.equal(['1/7 movedTo']);
    await reported(result('1', 7));
    await moved;
  });

  it('of a player who joins again at once do not overtake those of their first presence', async () => {
    const all = [players().joined(ALEX), players().left('1'), players().joined(ALEX)];
    await settled(10);
    expect(reports()).to.deep.equal([['1/0 joined']]);
    await reported(result('1', 7));
    expect(reports()[1]).to.deep.equal(['1/7 left', '1/0 joined']);
    await reported(result('1', 0), result('1', 8));
    await Promise.all(all);
  });

  it('wait for the answer to a list that names their player; reports of other players do not wait', async () => {
    await alexIsIn();
    await nextStream();
    const moved = players().moved('1', 'arena');
    const steve = players().joined(STEVE);
    await settled(10);
    expect(reports()).to.deep.equal([['2/0 joined']]);
    await reported(result('2', 8));
    await steve;
    await synced(result('1', 9));
    expect(reports()[1], 'under the generation of the list').to.deep.equal(['1/9 movedTo']);
    await reported(result('1', 9));
    await moved;
  });

  it('resolve at once while no session is open; the next list has their change', async () => {
    await scripted.stream.break(lost);
    await players().joined({ ...ALEX, server: 'lobby' });
    await players().moved('1', 'arena');
    scripted.clock.advance(1500);
    await settled(10);
    await scripted.stream.welcome();
    const [list] = lists();
    expect(list?.players[0]).to.include({ id: '1', generation: 0, server: 'arena' });
    expect(list?.loginAges, 'the newer of two such logins holds').to.deep.equal({
      '1': { seconds: 1, nanos: 500_000_000 },
    });
    expect(frames()).to.deep.equal([]);
  });

  it('resolve when their stream breaks: the next list has their change', async () => {
    await alexIsIn();
    const moved = players().moved('1', 'arena');
    await settled(10);
    await nextStream();
    await moved;
    expect(lists()[0]?.players[0]).to.include({ server: 'arena' });
  });

  it('make the proxy send the whole list again after OUTCOME_UNKNOWN', async () => {
    await alexIsIn();
    const moved = players().moved('1', 'arena');
    await settled(10);
    await scripted.stream.refuse(lastFrame(), 'OUTCOME_UNKNOWN', 2);
    await moved;
    expect(lists()).to.have.lengthOf(2);
    expect(lists()[1]?.players[0]).to.include({ id: '1', server: 'arena' });
  });

  it('include the whole list when the coordinator asks for it', async () => {
    await alexIsIn();
    await scripted.stream.send({ $case: 'syncRequested', value: {} });
    expect(lists()[1]?.players.map(({ id }) => id)).to.deep.equal(['1']);
  });

  it('name with the list the newest generation that is below every open login', async () => {
    await alexIsIn(7);
    const acquired = players().acquire(STEVE);
    await settled(10);
    const id = scripted.stream.requests('acquirePlayer')[0]?.id ?? 0;
    const outcome = { $case: 'generation', value: 12 } as const;
    await scripted.stream.answer(id, {
      $case: 'playerAcquired',
      value: { playerId: '2', outcome, ticket: undefined },
    });
    expect(await acquired).to.deep.equal({ granted: true, generation: 12 });
    await scripted.stream.send({ $case: 'syncRequested', value: {} });
    expect(lists()[1]).to.include({ asOf: 11 });
    await synced(result('1', 7));
    const joined = players().joined(STEVE);
    await settled(10);
    expect(reports().at(-1), 'under the generation of the grant').to.deep.equal(['2/12 joined']);
    await reported(result('2', 12));
    await joined;
    await scripted.stream.send({ $case: 'syncRequested', value: {} });
    expect(lists()[2]).to.include({ asOf: 12 });
  });

  it('have a digest in the heartbeat, except while an answer is open', async () => {
    await alexIsIn();
    const digests = () => scripted.stream.values('heartbeat').map(({ presence }) => presence);
    await scripted.stream.send({ $case: 'heartbeatRequested', value: {} });
    expect(digests().at(-1)).to.include({ players: 1 });
    void players().moved('1', 'arena');
    await scripted.stream.send({ $case: 'heartbeatRequested', value: {} });
    expect(digests().at(-1)).to.equal(undefined);
    await reported(result('1', 7));
    await scripted.stream.send({ $case: 'heartbeatRequested', value: {} });
    expect(digests().at(-1)).to.include({ players: 1 });
  });

  describe('that change facts and have no answer', () => {
    const changes = () =>
      frames().flatMap(({ reports: all }) =>
        all.flatMap(({ playerId, generation, what }) =>
          what?.$case === 'changed' ? { id: playerId, generation, ...what.value } : [],
        ),
      );

    it('go out after the list under its generation, one change a player with the newest values', async () => {
      await alexIsIn();
      const inFlight = players().changed('1', {
        properties: { rank: 'bronze', old: 'yes' },
        language: 'de_DE',
      });
      await settled(10);
      await scripted.stream.break(lost);
      await inFlight;
      await players().changed('1', { properties: { rank: 'silver' }, removedProperties: ['old'] });
      await scripted.pass(0);
      await scripted.stream.welcome();
      expect(frames(), 'before the answer to the list').to.deep.equal([]);
      await synced(result('1', 9));
      const all = {
        properties: { rank: 'silver' },
        removedProperties: ['old'],
        context: undefined,
        language: 'de_DE',
      };
      expect(changes()).to.deep.equal([{ id: '1', generation: 9, ...all }]);

      await nextStream();
      await synced(result('1', 9));
      expect(changes(), 'again, as the second stream broke too').to.have.lengthOf(1);
      await reported(result('1', 9));
      await nextStream();
      await synced(result('1', 9));
      expect(frames(), 'nothing after an answer').to.deep.equal([]);
    });

    it('go out after the list that the proxy sends because of OUTCOME_UNKNOWN', async () => {
      await alexIsIn();
      const changed = players().changed('1', { context: Buffer.from('x') });
      await settled(10);
      await scripted.stream.refuse(lastFrame(), 'OUTCOME_UNKNOWN', 2);
      await changed;
      await synced(result('1', 7));
      expect(changes().map(({ context }) => context && Buffer.from(context).toString()))
        .to.deep //
        .equal(['x', 'x']);
      await reported(result('1', 7));
    });

    it('go out after each heartbeat while the coordinator can store nothing', async () => {
      await alexIsIn();
      const changed = players().changed('1', { properties: { rank: 'bronze' } });
      await settled(10);
      for (const outcome of ['JOURNAL_READ_ONLY', 'ENGINE_UNAVAILABLE', 7] as const) {
        await reported(result('1', outcome));
        await scripted.stream.send({ $case: 'heartbeatRequested', value: {} });
      }
      await changed;
      expect(changes().map(({ properties }) => properties['rank']))
        .to.deep //
        .equal(['bronze', 'bronze', 'bronze']);
      const digests = scripted.stream.values('heartbeat').map(({ presence }) => presence?.players);
      expect(digests.slice(-3), 'each of them has a digest').to.deep.equal([1, 1, 1]);
    });

    it('do not go out for a player whom the coordinator refused, or who left', async () => {
      await alexIsIn();
      const joined = players().joined(STEVE);
      await settled(10);
      await reported(result('2', 8));
      await joined;
      await scripted.stream.break(lost);
      for (const id of ['1', '2']) await players().changed(id, { properties: { rank: 'bronze' } });
      await scripted.pass(0);
      await scripted.stream.welcome();
      const left = players().left('2');
      await synced(result('2', 8));
      expect(evicted.map(({ id }) => id)).to.deep.equal(['1']);
      expect(reports()).to.deep.equal([['2/8 left']]);
      await reported(result('2', 0));
      await left;
    });

    it('are in the status if the coordinator refuses them then', async () => {
      await alexIsIn();
      await scripted.stream.break(lost);
      await players().changed('1', { properties: { rank: 'bronze' } });
      await scripted.pass(0);
      await scripted.stream.welcome();
      await synced(result('1', 7));
      await reported(result('1', 'LABELS_INVALID'));
      expect(scripted.all('refused').map(({ error }) => error.reason))
        .to.deep //
        .equal(['LABELS_INVALID']);
    });
  });

  describe('that are refused', () => {
    it('undo a move, unless the player has moved again', async () => {
      await alexIsIn();
      const arena = rejectionOf(KelpieError, players().moved('1', 'arena'));
      await settled(10);
      await reported(result('1', 'PLAYER_INVALID'));
      expect((await arena).reason).to.equal('PLAYER_INVALID');
      expect(players().get('1')?.server).to.equal('lobby');

      const shop = rejectionOf(KelpieError, players().moved('1', 'shop'));
      await settled(10);
      void players().moved('1', 'garden');
      await reported(result('1', 'PLAYER_INVALID'));
      await shop;
      expect(players().get('1')?.server).to.equal('garden');
    });

    it('undo a change, but not a later change', async () => {
      await alexIsIn();
      const change = { properties: { rank: 'vip', team: 'red' }, language: 'de_DE' };
      const first = rejectionOf(KelpieError, players().changed('1', change));
      await settled(10);
      void players().changed('1', { properties: { team: 'blue' } });
      await reported(result('1', 'LABELS_INVALID'));
      await first;
      expect(players().get('1')).to.deep.include({ properties: { team: 'blue' }, language: '' });
    });

    it('undo a join: the proxy does not hold the player', async () => {
      const joined = rejectionOf(KelpieError, players().joined(ALEX));
      await settled(10);
      await reported(result('1', 'PLAYER_LIMIT'));
      expect((await joined).reason).to.equal('PLAYER_LIMIT');
      expect(players().get('1')).to.equal(undefined);
      expect(players().size).to.equal(0);
      expect(evicted, 'the caller has the error').to.deep.equal([]);
    });

    it('with STALE_GENERATION are settled by a list, which evicts a player of another login', async () => {
      await alexIsIn();
      const moved = players().moved('1', 'arena');
      await settled(10);
      await reported(result('1', 'STALE_GENERATION'));
      await moved;
      expect(lists().map(({ players: all }) => all.map(({ server }) => server))).to.deep.equal([
        [],
        ['arena'],
      ]);
      await synced();
      expect(evicted.map(({ id, reason }) => [id, reason])).to.deep.equal([['1', 'SYNC']]);
    });

    it('with STALE_GENERATION do not reject a leave, and no list follows', async () => {
      await alexIsIn();
      const left = players().left('1');
      await settled(10);
      await reported(result('1', 'STALE_GENERATION'));
      await left;
      expect(lists()).to.have.lengthOf(1);
    });

    it('with STALE_GENERATION after an eviction reject a move, and no list follows', async () => {
      await alexIsIn();
      const moved = rejectionOf(KelpieError, players().moved('1', 'arena'));
      await settled(10);
      await evict('1', 7);
      await reported(result('1', 'STALE_GENERATION'));
      expect((await moved).reason).to.equal('STALE_GENERATION');
      expect(lists()).to.have.lengthOf(1);
    });

    it('with STALE_GENERATION for the whole frame resolve: the next list settles them', async () => {
      await alexIsIn();
      const moved = players().moved('1', 'arena');
      await settled(10);
      await scripted.stream.refuse(lastFrame(), 'STALE_GENERATION', 9);
      await moved;
      expect(players().get('1')?.server).to.equal('arena');
    });

    it('by a coordinator with a full disk resolve, and the list keeps the change', async () => {
      await alexIsIn();
      const moved = players().moved('1', 'arena');
      await settled(10);
      await reported(result('1', 'JOURNAL_READ_ONLY'));
      await moved;
      expect(players().get('1')?.server).to.equal('arena');
    });
  });

  describe('when the coordinator evicts a player', () => {
    it('end: the proxy does not hold the player any more, and reports nothing of them', async () => {
      await alexIsIn();
      await evict('1', 7);
      expect(evicted).to.deep.equal([{ id: '1', text: 'elsewhere', reason: 'REPLACED' }]);
      expect(players().size).to.equal(0);
      await players().left('1');
      await settled(10);
      expect(frames()).to.have.lengthOf(1);
    });

    it('go on if the eviction names an older generation', async () => {
      await alexIsIn(7);
      await evict('1', 6);
      expect(evicted).to.deep.equal([]);
      expect(players().size).to.equal(1);
    });

    it('wait for the answer to the join, whose generation decides if the eviction counts', async () => {
      for (const [generation, ends] of [
        [7, true],
        [9, false],
      ] as const) {
        evicted.length = 0;
        const joined = players().joined(ALEX);
        await settled(10);
        await evict('1', 8);
        expect(evicted, 'the proxy cannot decide yet').to.deep.equal([]);
        await reported(result('1', generation));
        await joined;
        expect(evicted.map(({ reason }) => reason)).to.deep.equal(ends ? ['REPLACED'] : []);
        expect(players().size).to.equal(ends ? 0 : 1);
      }
    });

    it('wait for the answer to the list, whose generation decides if the eviction counts', async () => {
      for (const [generation, ends] of [
        [9, false],
        [8, true],
      ] as const) {
        await scripted.stream.break(lost);
        await players().joined(ALEX);
        await scripted.pass(0);
        await scripted.stream.welcome();
        await evict('1', 8);
        expect(evicted).to.deep.equal([]);
        await synced(result('1', generation));
        expect(evicted).to.have.lengthOf(ends ? 1 : 0);
        if (ends) continue;
        const left = players().left('1');
        await settled(10);
        await reported(result('1', generation));
        await left;
      }
    });

    it('end if the answer to the list has no generation for the player', async () => {
      await alexIsIn();
      await nextStream();
      const moved = players().moved('1', 'arena');
      await synced({ playerId: '1', generation: 0, error: errorOf('PLAYER_NOT_FOUND') });
      expect(evicted.map(({ id, reason }) => [id, reason])).to.deep.equal([['1', 'SYNC']]);
      expect(players().size).to.equal(0);
      await scripted.stream.break(lost);
      await moved;
    });

    it('drop the login of the player: the next join has no grant', async () => {
      const acquired = players().acquire(ALEX);
      await settled(10);
      const id = scripted.stream.requests('acquirePlayer')[0]?.id ?? 0;
      const outcome = { $case: 'generation', value: 12 } as const;
      await scripted.stream.answer(id, {
        $case: 'playerAcquired',
        value: { playerId: '1', outcome, ticket: undefined },
      });
      await acquired;
      await evict('1', 12);
      expect(evicted.map(({ id: player }) => player)).to.deep.equal(['1']);
      void players().joined(ALEX);
      await settled(10);
      expect(reports().at(-1)).to.deep.equal(['1/0 joined']);
    });
  });
});
