import { expect } from 'chai';
import { Event, NodeLeaveReason } from '../../../gen/ts/kelpie/v1/event.js';
import { NodeChange } from '../../../gen/ts/kelpie/v1/node.js';
import { DuplicatePolicy, PlayerLeaveReason } from '../../../gen/ts/kelpie/v1/player.js';
import type { Entry } from '../../../server/journal/journal.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { bodiesOf, settled } from '../../support/journal/history.js';
import {
  hello,
  join,
  type MortalCoordinator,
  openCoordinator,
  openJournal,
  openMortal,
} from '../../support/model/coordinator.js';
import { joined, player, TestProxy } from '../../support/model/proxy.js';

type Town = Pick<MortalCoordinator, 'port' | 'nodeRows' | 'playerRows' | 'claims'>;

/** A proxy with `count` players. */
async function proxyWith(town: Town, name: string, count: number): Promise<TestProxy> {
  const proxy = await TestProxy.join(town, name);
  for (let from = 0; from < count; from += 1000) {
    const size = Math.min(1000, count - from);
    const players = Array.from({ length: size }, (_, index) => player(from + index));
    const last = players.at(-1)?.xuid ?? '';
    proxy.stream.send({
      $case: 'syncPlayers',
      value: { asOf: 0, afterId: last, upToId: last, players, loginAges: {} },
    });
    await proxy.stream.next('playersSynced');
  }
  expect(town.playerRows.online).to.equal(count);
  return proxy;
}

function generationOf({ nodeRows }: Town, name: string): number {
  return nodeRows.owners.get(name)?.sequence ?? 0;
}

/** Counts turns of the event loop until it is stopped. */
function turnsFrom(): () => number {
  let turns = 0;
  let running = true;
  const turn = (): void => {
    turns += 1;
    if (running) setImmediate(turn);
  };
  setImmediate(turn);
  return () => {
    running = false;
    return turns;
  };
}

/** All pairs of whole numbers below a bound. */
function pairs(bound: number): [number, number][] {
  const numbers = [...Array(bound).keys()];
  return numbers.flatMap((one) => numbers.map((two): [number, number] => [one, two]));
}

describe('the end of a node with very many players', () => {
  const PLAYERS = 3000;

  it('is written in pages, with other work between them, and the owner in the last one', async () => {
    const town = await openCoordinator();
    await proxyWith(town, 'gate-1', PLAYERS);
    const stored: (readonly Entry[])[] = [];
    town.journal.onAppend((entries) => stored.push(entries));
    const turns = turnsFrom();
    await town.claims.leave('gate-1', generationOf(town, 'gate-1'), NodeLeaveReason.LOST);
    const passed = turns();
    expect(passed, 'turns of others').to.be.at.least(stored.length - 2);
    expect(Math.max(...stored.map(({ length }) => length))).to.be.at.most(100);
    expect(town.playerRows.size).to.equal(0);
    const last = stored.flat().slice(-2);
    expect(last.map(({ key }) => key)).to.deep.equal(['nodes/gate-1', 'sessions/gate-1']);
    const bodies = stored.flat().map(({ event }) => Event.decode(event).body);
    const reasons = bodies.map((body) => body?.$case === 'playerLeft' && body.value.reason);
    expect(reasons.filter((one) => one === PlayerLeaveReason.PROXY_LOST)).to.have.length(PLAYERS);
  });

  it('costs each player once', async () => {
    const town = await openCoordinator();
    await proxyWith(town, 'gate-1', PLAYERS);
    const { playerRows } = town;
    const draft = playerRows.draft.bind(playerRows);
    let made = 0;
    playerRows.draft = (...facts) => {
      made += 1;
      return draft(...facts);
    };
    await town.claims.leave('gate-1', generationOf(town, 'gate-1'), NodeLeaveReason.LOST);
    expect(made).to.be.at.most(PLAYERS + 1000);
  });

  it('stops if the node comes back meanwhile', async () => {
    const town = await openCoordinator();
    const instanceId = new Uint8Array(16).fill(7);
    const proxy = await TestProxy.join(town, 'gate-1', { instanceId });
    await proxy.stream.cut();
    await proxyWith(town, 'gate-2', PLAYERS);
    const owner = town.nodeRows.owners.get('gate-2');
    const gone = town.claims.leave('gate-2', generationOf(town, 'gate-2'), NodeLeaveReason.LOST);
    await TestProxy.join(town, 'gate-2', { instanceId: owner?.value.instanceId ?? instanceId });
    expect(await gone).to.equal(false);
    expect(town.playerRows.online).to.be.above(0);
    expect(town.nodeRows.nodes.get('gate-2')).to.not.equal(undefined);
  });

  it('is written once for many requests', async () => {
    const town = await openCoordinator();
    await proxyWith(town, 'gate-1', PLAYERS);
    const bodies = bodiesOf(town.journal);
    const generation = generationOf(town, 'gate-1');
    const all = [1, 2, 3].map(() => town.claims.leave('gate-1', generation, NodeLeaveReason.LOST));
    expect(await Promise.all(all)).to.deep.equal([true, true, true]);
    expect(bodies.filter(({ $case }) => $case === 'nodeLeft')).to.have.length(1);
    expect(bodies.filter(({ $case }) => $case === 'playerLeft')).to.have.length(PLAYERS);
  });

  it('is completed at the next start if the coordinator died in the middle', async () => {
    const clock = new FakeClock();
    const journal = openJournal(clock);
    const first = await openMortal(journal, clock, { coordinatorId: 'first' });
    await proxyWith(first, 'gate-1', PLAYERS);
    const { nodeRows } = first;
    await journal.append([{ entries: [nodeRows.ownerDraft('gate-1', null)] }]);
    first.die();
    const turns = turnsFrom();
    const second = await openMortal(journal, clock, { coordinatorId: 'second' });
    expect(turns(), 'pages').to.be.at.least(PLAYERS / 1000);
    expect(second.playerRows.size).to.equal(0);
  });
});

describe('a player whom a node gets while it ends', () => {
  it('ends too: a process that is gone holds no player', async () => {
    // A slow journal: it may have stored a grant that is not in the tables yet.
    for (const [turns, waits] of [0, 3, 6].flatMap((one) =>
      [0, 1, 2, 3].map((two) => [one, two]),
    )) {
      const clock = new FakeClock();
      const journal = openJournal(clock);
      const town = await openMortal(journal, clock, { turns: () => turns ?? 0 });
      const proxy = await TestProxy.join(town, 'gate-1');
      await proxy.bring(player(0));
      const generation = generationOf(town, 'gate-1');
      const reports = Array.from({ length: 20 }, (_, index) => joined(player(index + 1)));
      proxy.stream.send({ $case: 'reportPlayers', value: { reports } });
      await settled(waits);
      expect(await town.claims.leave('gate-1', generation, NodeLeaveReason.LOST)).to.equal(true);
      await proxy.stream.ended();
      const left = [...town.playerRows.entries()].map(([id]) => id);
      expect(left, `a delay of ${turns}, ${waits} turns later`).to.deep.equal([]);
      town.die();
    }
  });
});

describe('a player whom another proxy gets while theirs ends', () => {
  it('stays with the other proxy', async () => {
    // Every order of the end of the first proxy and the login at the other one in the journal.
    for (const turns of [1, 2, 3, 4]) {
      for (const [before, between] of pairs(8)) {
        const clock = new FakeClock();
        const town = await openMortal(openJournal(clock), clock, { turns: () => turns });
        const first = await TestProxy.join(town, 'gate-1');
        const second = await TestProxy.join(town, 'gate-2');
        first.stream.send({ $case: 'reportPlayers', value: { reports: [joined(player(0))] } });
        await settled(before);
        const gone = town.claims.leave(
          'gate-1',
          generationOf(town, 'gate-1'),
          NodeLeaveReason.LOST,
        );
        await settled(between);
        const outcome = await second.acquire(player(0), DuplicatePolicy.KICK_OLD);
        await gone;
        await settled(20);
        const row = town.playerRows.get(player(0).xuid);
        const order = `a delay of ${turns}, ${before} and ${between} turns later`;
        expect(row?.generation, order).to.equal(outcome?.value);
        expect(row?.proxy, order).to.equal('gate-2');
        town.die();
      }
    }
  });
});

describe('a node that leaves', () => {
  it('has its latest row in NodeLeft, also after concurrent changes', async () => {
    const clock = new FakeClock();
    const journal = openJournal(clock);
    const bodies = bodiesOf(journal);
    const town = await openMortal(journal, clock, { turns: () => 3 });
    await join(town, hello('lobby-1'));
    const labels = { mode: 'late' };
    const changed = town.claims.update('lobby-1', NodeChange.create({ labels }));
    await town.claims.leave('lobby-1', generationOf(town, 'lobby-1'), NodeLeaveReason.STOPPED);
    await changed;
    const last = bodies.at(-1);
    expect(last?.$case === 'nodeLeft' && last.value.node?.labels).to.deep.equal(labels);
  });
});

describe('changes of one node at the same time', () => {
  const CHANGES = 2000;

  it('become few writes, and each is answered', async () => {
    const clock = new FakeClock();
    const journal = openJournal(clock);
    const town = await openMortal(journal, clock, { turns: () => 3 });
    await join(town, hello('lobby-1'));
    const bodies = bodiesOf(journal);
    const changes = Array.from({ length: CHANGES }, (_, index) => {
      const labels = { [`label-${index % 50}`]: String(index) };
      return town.claims.update('lobby-1', NodeChange.create({ labels }));
    });
    const bad = town.claims.update('lobby-1', NodeChange.create({ labels: { '': 'bad' } }));
    const refused = bad.catch((error: unknown) => String(error));
    const [last] = (await Promise.all(changes)).slice(-1);
    expect(await refused).to.include('label');
    expect(bodies.length).to.be.at.most(3);
    const known = town.nodeRows.nodes.get('lobby-1')?.value;
    expect(known).to.deep.equal(last);
    expect(Object.keys(known?.labels ?? {})).to.have.length(50);
    expect(known?.labels['label-49']).to.equal('1999');
  });

  it('are refused if they come from a replaced owner, and stored otherwise', async () => {
    const town = await openCoordinator();
    await join(town, hello('lobby-1'));
    const stale = town.claims
      .update('lobby-1', NodeChange.create({ maxPlayers: 1 }), 1)
      .catch((error: unknown) => error);
    const fresh = town.claims.update('lobby-1', NodeChange.create({ maxPlayers: 2 }));
    expect(await stale).to.have.property('reason', 'STALE_GENERATION');
    expect((await fresh).maxPlayers).to.equal(2);
  });
});
