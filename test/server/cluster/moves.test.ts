/** Players whose proxies and servers have their streams at several coordinators. */
import { expect } from 'chai';
import { DuplicatePolicy } from '../../../gen/ts/kelpie/v1/player.js';
import { DrainNodeRequest, DrainStage } from '../../../gen/ts/kelpie/v1/node_service.js';
import { GapReason } from '../../../gen/ts/kelpie/v1/stream.js';
import type { DrainProgress } from '../../../server/transfers/drain-watchers.js';
import type { MoveUpdate } from '../../../server/transfers/transfers.js';
import { TransferStage } from '../../../gen/ts/kelpie/v1/transfer.js';
import { readPage } from '../../../server/delivery/reader.js';
import { durationOf } from '../../../server/core/duration.js';
import type { KelpieError } from '../../../server/core/errors.js';
import { defaultTimes } from '../../../server/network/limits.js';
import { type Coordinator, TestCluster } from '../../support/cluster/test-cluster.js';
import { bodiesOf } from '../../support/journal/history.js';
import { after, hello, join, TestStream } from '../../support/model/coordinator.js';
import { about, player, steve, TestProxy } from '../../support/model/proxy.js';

const MOVES = { commands: ['transfer_player', 'verify_player'] };

/** Two coordinators: servers `one` and `two` and a proxy `gate` at the second. */
async function apart() {
  const cluster = new TestCluster();
  const a = await cluster.start('a');
  const b = await cluster.start('b');
  await join(b, hello('one'));
  await join(a, hello('two'));
  const gate = await TestProxy.join(b, 'gate', MOVES);
  await a.members.refresh();
  await cluster.settle();
  return { cluster, a, b, gate };
}

/** Moves a player; collects the stages, and the reason of a failure. */
function move(town: Coordinator, playerId: string, server: string): string[] {
  const generation = town.playerRows.get(playerId)?.generation ?? 0;
  const said: string[] = [];
  const take = ({ stage, error }: MoveUpdate, read: () => void): void => {
    if (stage === TransferStage.ARRIVED) said.push('ARRIVED');
    if (stage === TransferStage.FAILED) said.push(error?.reason ?? '?');
    read();
  };
  const to = { place: { $case: 'server', value: server } } as const;
  const options = { context: new Uint8Array(), timeoutMs: 20_000 };
  town.transfers.move([{ playerId, generation }], to, options, take);
  return said;
}

/** Answers the next command of a form with `done`. */
async function does(stream: TestStream): Promise<string | undefined> {
  const { commandId, command } = await stream.next('commandRequest');
  const outcome = { $case: 'output', value: { form: { $case: 'done', value: {} } } } as const;
  stream.send({ $case: 'commandReply', value: { commandId, outcome } });
  return command?.form?.$case;
}

describe('a login whose player a proxy at another coordinator holds', () => {
  it('is denied if the proxy there confirms the player', async () => {
    const { cluster, a, gate } = await apart();
    await gate.bring(steve());
    await cluster.settle();
    const other = await TestProxy.join(a, 'other');
    const answer = other.acquire(steve());
    const { commandId } = await gate.stream.next('commandRequest');
    const form = { $case: 'verified', value: { connected: true, silence: undefined } } as const;
    const outcome = { $case: 'output', value: { form } } as const;
    gate.stream.send({ $case: 'commandReply', value: { commandId, outcome } });
    expect((await answer)?.$case).to.equal('denial');
  });

  it('is granted if the proxy there gives no answer, which its coordinator can tell', async () => {
    const { cluster, a, gate } = await apart();
    await gate.bring(steve());
    await cluster.settle();
    const other = await TestProxy.join(a, 'other');
    const answer = other.acquire(steve());
    await gate.stream.next('commandRequest');
    await cluster.pass(defaultTimes.verifyMs, 100);
    expect((await answer)?.$case).to.equal('generation');
    expect((await gate.stream.next('playerEvicted')).playerId).to.equal(steve().xuid);
  });

  it('is denied if nobody can tell: no word comes from the other coordinator', async () => {
    const { cluster, a, b, gate } = await apart();
    await gate.bring(steve());
    await cluster.settle();
    const other = await TestProxy.join(a, 'other');
    b.bus.loses = () => true;
    const answer = other.acquire(steve());
    await cluster.settle();
    await cluster.pass(4 * defaultTimes.verifyMs, 100);
    expect((await answer)?.$case).to.equal('denial');
  });

  it('of which this coordinator does not know is decided on the newest rows', async () => {
    const { cluster, a, gate } = await apart();
    const other = await TestProxy.join(a, 'other');
    await cluster.settle();
    a.view.hold();
    await gate.bring(steve());
    const answer = other.acquire(steve(), DuplicatePolicy.DENY_NEW);
    await cluster.settle();
    a.view.release();
    expect((await answer)?.$case).to.equal('denial');
  });
});

describe('a transfer', () => {
  it('asks a proxy at another coordinator, and ends when the player is there', async () => {
    const { cluster, a, b, gate } = await apart();
    const generation = await gate.bring(steve({ server: 'one' }));
    await cluster.settle();
    const said = move(a, steve().xuid, 'two');
    expect(await does(gate.stream)).to.equal('transferPlayer');
    await gate.report(about(steve().xuid, generation, { $case: 'movedTo', value: 'two' }));
    await cluster.settle();
    expect(said).to.deep.equal(['ARRIVED']);
    for (const town of [a, b]) expect(town.reservations.pending, town.id).to.equal(0);
  });

  it('of a player whom another coordinator moves is refused', async () => {
    const { cluster, a, b, gate } = await apart();
    await gate.bring(steve({ server: 'one' }));
    await cluster.settle();
    move(a, steve().xuid, 'two');
    await cluster.settle();
    expect(a.reservations.rows.slotsOn('two')).to.equal(1);
    const second = move(b, steve().xuid, 'two');
    await cluster.settle();
    expect(second).to.deep.equal(['TRANSFER_IN_PROGRESS']);
    expect(b.reservations.rows.slotsOn('two')).to.equal(1);
  });

  it('that begins at two coordinators at once goes on at one of them', async () => {
    const { cluster, a, b, gate } = await apart();
    await join(a, hello('three'));
    await gate.bring(steve({ server: 'one' }));
    await cluster.settle();
    const said = [move(a, steve().xuid, 'two'), move(b, steve().xuid, 'three')];
    await cluster.settle();
    expect(said.flat()).to.deep.equal(['TRANSFER_IN_PROGRESS']);
    expect(a.reservations.rows.table.size).to.equal(1);
  });

  it('that waits for the confirmation of an arrival leaves the player free for another coordinator', async () => {
    const { cluster, a, b, gate } = await apart();
    const { stream: asked } = await join(b, hello('three', { commands: ['confirm_arrival'] }));
    const generation = await gate.bring(steve({ server: 'one' }));
    await cluster.settle();
    const first = move(a, steve().xuid, 'three');
    await does(gate.stream);
    await gate.report(about(steve().xuid, generation, { $case: 'movedTo', value: 'three' }));
    expect((await asked.next('commandRequest')).command?.form?.$case).to.equal('confirmArrival');
    await cluster.settle();
    const again = move(a, steve().xuid, 'two');
    await cluster.settle();
    expect(again).to.deep.equal(['TRANSFER_IN_PROGRESS']);
    const second = move(b, steve().xuid, 'two');
    await does(gate.stream);
    await gate.report(about(steve().xuid, generation, { $case: 'movedTo', value: 'two' }));
    await cluster.settle();
    expect([first, second]).to.deep.equal([['REJECTED_BY_PROXY'], ['ARRIVED']]);
    for (const town of [a, b])
      expect([town.transfers.pending, town.reservations.pending], town.id).to.deep.equal([0, 0]);
  });

  it('leaves no slot when its coordinator is gone', async () => {
    const { cluster, a, b, gate } = await apart();
    await gate.bring(steve({ server: 'one' }));
    await cluster.settle();
    move(a, steve().xuid, 'two');
    await cluster.pass(6000);
    expect(b.reservations.rows.table.size).to.equal(1);
    a.die();
    await cluster.passUntil(() => b.reservations.rows.table.size === 0, 13_500);
  });
});

describe('a drain', () => {
  /** Moves the players that the proxy is asked to move, until nobody asks any more. */
  function obey(gate: TestProxy, generations: Map<string, number>): string[] {
    const moved: string[] = [];
    const run = async (): Promise<void> => {
      for (;;) {
        const { commandId, command } = await gate.stream.next('commandRequest');
        const outcome = { $case: 'output', value: { form: { $case: 'done', value: {} } } } as const;
        gate.stream.send({ $case: 'commandReply', value: { commandId, outcome } });
        if (command?.form?.$case !== 'transferPlayer') continue;
        const { player: ref, server } = command.form.value;
        const id = ref?.playerId ?? '';
        moved.push(id);
        const report = about(id, generations.get(id) ?? 0, { $case: 'movedTo', value: server });
        gate.stream.send({ $case: 'reportPlayers', value: { reports: [report] } });
      }
    };
    void run().catch(() => undefined);
    return moved;
  }

  async function full(players: number) {
    const world = await apart();
    const { cluster, gate } = world;
    const generations = new Map<string, number>();
    for (let number = 0; number < players; number++) {
      const one = player(number, { server: 'one' });
      generations.set(one.xuid, await gate.bring(one));
    }
    await cluster.settle();
    return { ...world, generations };
  }

  const request = DrainNodeRequest.create({
    name: 'one',
    destination: { place: { $case: 'server', value: 'two' } },
    playersPerSecond: 1,
    deadline: durationOf(600_000),
  });

  it('moves each player once, at its rate, though all coordinators follow it', async () => {
    const { cluster, a, b, gate, generations } = await full(4);
    const stages: number[] = [];
    await b.drains.drain(request, ({ playersLeft }) => stages.push(playersLeft));
    const moved = obey(gate, generations);
    await cluster.pass(2500, 100);
    expect(moved.length).to.be.within(2, 4);
    await cluster.passUntil(() => b.drains.pending === 0);
    expect(moved).to.have.length(4);
    expect(new Set(moved).size).to.equal(4);
    expect([a.drains.pending, stages.at(-1)]).to.deep.equal([0, 0]);
  });

  it('goes on at another coordinator when its own is gone, and its row ends once', async () => {
    const { cluster, a, b, generations, gate } = await full(4);
    await a.drains.drain(request, () => undefined);
    await cluster.settle();
    a.die();
    const moved = obey(gate, generations);
    await cluster.passUntil(() => b.nodeRows.drains.get('one')?.value.ended === true);
    expect(new Set(moved).size).to.equal(4);
  });

  it('that another coordinator replaces still shows its first watcher how it ends', async () => {
    const { cluster, a, b, gate, generations } = await full(3);
    const shown: DrainProgress[] = [];
    await a.drains.drain(request, (progress) => shown.push(progress));
    await cluster.settle();
    await b.drains.drain(request, () => undefined);
    obey(gate, generations);
    await cluster.passUntil(() => a.drains.pending + b.drains.pending === 0);
    // The first player was on the way already.
    const last = { playersLeft: 0, playersMoved: 1, transfersFailed: 0, stage: DrainStage.EMPTY };
    expect(shown.at(-1)).to.deep.include(last);
  });
});

describe('measurements', () => {
  it('of nodes and players are known at every coordinator, and go with the stream', async () => {
    const { cluster, a, b, gate } = await apart();
    await gate.bring(steve());
    const load = { tps: 19.5, memoryUsed: 7, memoryMax: 9, averageLatencyMs: 3 };
    const latencies = [{ playerId: steve().xuid, latencyMs: 42 }];
    const beat = { load: load as never, presence: undefined, latencies };
    gate.stream.send({ $case: 'heartbeat', value: beat });
    await cluster.pass(defaultTimes.heartbeatMs + 500);
    expect(a.loads.get('gate')?.tps).to.equal(19.5);
    const shown = a.playerRows.get(steve().xuid)?.player ?? steve();
    expect(a.latencies.withLatency(shown).latencyMs).to.equal(42);
    expect(b.latencies.withLatency(shown).latencyMs).to.equal(42);
    await gate.stream.cut();
    await cluster.pass(4 * defaultTimes.heartbeatMs, 500);
    expect(a.loads.get('gate')).to.equal(undefined);
  });

  it('of a coordinator that is gone go too', async () => {
    const { cluster, a, b, gate } = await apart();
    const beat = { load: { tps: 1 } as never, presence: undefined, latencies: [] };
    gate.stream.send({ $case: 'heartbeat', value: beat });
    await cluster.pass(defaultTimes.heartbeatMs + 500);
    expect(a.loads.get('gate')?.tps).to.equal(1);
    b.die();
    await cluster.passUntilGone('b', a);
    expect(a.loads.get('gate')).to.equal(undefined);
  });
});

describe('a cursor that another coordinator handed out', () => {
  it('waits until this one has read so far, and makes no gap', async () => {
    const { cluster, a, b } = await apart();
    a.view.hold();
    const { stream } = await join(b, hello('writer'));
    const events = [{ topic: 'chat', payload: new Uint8Array([1]) }];
    stream.send({
      $case: 'publish',
      value: { firstPublishSequence: 1, events: events as never },
    });
    await cluster.settle();
    const cursor = b.network.head;
    expect(cursor.sequence).to.be.above(a.network.head.sequence);
    // A call: a Hello would store a claim, and so read up to it.
    const request = { topics: ['chat'], start: after(cursor), pageSize: 0, wait: undefined };
    const { signal } = new AbortController();
    const caller = { connection: 'c', peer: 'p', signal, opened: () => undefined };
    const services = { ...a, clock: cluster.clock, draining: a.registry.drainSignal };
    const reading = readPage(services, request, caller);
    await cluster.settle();
    a.view.release();
    expect(await reading).to.deep.include({ events: [], gap: undefined });
  });

  it('that no coordinator knows makes a gap at once', async () => {
    const { cluster, a } = await apart();
    const { epoch, sequence, tag } = a.network.head;
    const ahead = { epoch, sequence: sequence + 1000, tag };
    const { stream } = await join(a, hello('reader', { topics: ['chat'], start: after(ahead) }));
    await cluster.settle();
    expect((await stream.next('gap')).reason).to.equal(GapReason.CURSOR_AHEAD);
  });
});

describe('a node whose coordinator lost the engine while it claimed its name', () => {
  it('has no stream, gets the grace, and leaves once', async () => {
    const { cluster, a, b } = await apart();
    const bodies = bodiesOf(cluster.journal);
    const cut = cluster.journal.onAppend(() => (a.view.away = true));
    const stream = new TestStream(a.port);
    stream.send({ $case: 'hello', value: hello('lost') });
    const ended = stream.ended();
    await cluster.settle();
    cut();
    expect(((await ended) as KelpieError).reason).to.equal('ENGINE_UNAVAILABLE');
    a.view.away = false;
    await cluster.settle();
    expect(b.holders.of('lost')).to.equal('a');
    await cluster.passUntil(() => !b.nodeRows.nodes.get('lost'));
    const left = bodies.filter((body) => body.$case === 'nodeLeft');
    expect(left).to.have.length(1);
  });
});
