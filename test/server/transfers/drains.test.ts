import { expect } from 'chai';
import type { CallContext } from 'nice-grpc';
import { DrainNodeRequest, DrainStage } from '../../../gen/ts/kelpie/v1/node_service.js';
import { NodeRole, NodeState } from '../../../gen/ts/kelpie/v1/node.js';
import type { PlayerReport } from '../../../gen/ts/kelpie/v1/presence.js';
import { Heartbeat } from '../../../gen/ts/kelpie/v1/session_service.js';
import { TransferDestination, TransferStage } from '../../../gen/ts/kelpie/v1/transfer.js';
import { KelpieError } from '../../../server/core/errors.js';
import { InTurn } from '../../../server/core/in-turn.js';
import { durationOf } from '../../../server/core/duration.js';
import { drainCall } from '../../../server/edge/grpc/drain-calls.js';
import { Drains, type DrainsParts } from '../../../server/transfers/drains.js';
import type { PlayerRow } from '../../../server/players/rows.js';
import type { DrainProgress } from '../../../server/transfers/drain-watchers.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { settled } from '../../support/journal/history.js';
import {
  hello,
  join,
  openJournal,
  openMortal,
  type MortalCoordinator,
  type TestStream,
} from '../../support/model/coordinator.js';
import { about, player, quit, TestProxy } from '../../support/model/proxy.js';
import { rejectionOf } from '../../support/thrown.js';
import { until } from '../../support/until.js';

const { MOVING, EMPTY, DEADLINE_PASSED, CANCELLED, NODE_LEFT } = DrainStage;

/** One transfer that a drain began. */
interface Begun {
  readonly id: string;
  readonly atMs: number;
  readonly destination: TransferDestination | undefined;
  readonly end: (error?: KelpieError) => void;
}

/** In place of transfers: it records what drains begin, and the test ends it. */
class FakeTransfers {
  readonly begun: Begun[] = [];
  /** Ends a transfer in the turn after its begin; without it the transfer stays under way. */
  outcome: ((begun: Begun) => void) | undefined;
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** The row of a player. */
  rowOf: ((id: string) => PlayerRow | undefined) | undefined;
  /** The destination of the goal that was chosen last. */
  #chosen: TransferDestination | undefined;

  readonly goalOf: DrainsParts['transfers']['goalOf'] = (destination) => () => {
    this.#chosen = destination;
    return Promise.reject(new Error('no transfer runs'));
  };

  #destinationOf(goalOf: Parameters<DrainsParts['transfers']['move']>[1], id: string) {
    if (typeof goalOf !== 'function') throw new Error('the drain has chosen no goals');
    const rowNow = (): PlayerRow => {
      const row = this.rowOf?.(id);
      if (row) return row;
      throw new Error(`${id} is gone`);
    };
    goalOf(rowNow, 0, '').catch(() => undefined);
    return this.#chosen;
  }

  readonly move: DrainsParts['transfers']['move'] = (refs, goalOf, _options, onUpdate) => {
    for (const ref of refs) {
      const destination = this.#destinationOf(goalOf, ref.playerId);
      const end = (error?: KelpieError): void => {
        const stage = error ? TransferStage.FAILED : TransferStage.ARRIVED;
        const update = { player: ref, playerName: '', target: '', stage, error };
        onUpdate({ ...update, last: true, playersLeft: 0 }, () => undefined);
      };
      const begun = { id: ref.playerId, atMs: this.#clock.now(), destination, end };
      this.begun.push(begun);
      setImmediate(() => this.outcome?.(begun));
    }
  };
}

/** A coordinator with the server `old`, whose players came by the proxy `gate`. */
class Town {
  readonly clock = new FakeClock();
  readonly #journal = openJournal(this.clock);
  readonly transfers = new FakeTransfers(this.clock);
  #lives = 0;
  #coordinator: MortalCoordinator | undefined;
  drains!: Drains;
  proxy!: TestProxy;
  readonly #streams: TestStream[] = [];
  /** The proxy awaits each answer before its next request. */
  readonly #turns = new InTurn();
  readonly #generations = new Map<string, number>();

  static async open(players: number): Promise<Town> {
    const town = new Town();
    await town.start();
    const { stream } = await join(town.coordinator, hello('old'));
    const other = await join(town.coordinator, hello('new'));
    town.proxy = await TestProxy.join(town.coordinator, 'gate');
    town.#streams.push(stream, other.stream, town.proxy.stream);
    for (let number = 0; number < players; number++) await town.bring(number, 'old');
    return town;
  }

  /** The coordinator dies, and another one takes its journal. */
  async start(): Promise<void> {
    this.#coordinator?.die();
    const coordinatorId = `life-${(this.#lives += 1)}`;
    this.#coordinator = await openMortal(this.#journal, this.clock, { coordinatorId });
    this.coordinator.drains.close();
    const { claims, nodeRows, playerRows, holders } = this.coordinator;
    const onFault = (error: unknown) => this.coordinator.faults.push(error);
    this.transfers.rowOf = (id) => playerRows.onlineOf(id);
    const rows = { nodeRows, playerRows, holders };
    const parts = { ...rows, stored: claims.drains, clock: this.clock, onFault };
    this.drains = new Drains({ ...parts, transfers: this.transfers });
    await settled();
  }

  /** The first stream of the server breaks. */
  async lose(name: string): Promise<void> {
    await this.#streams.shift()?.cut();
    this.clock.advance(1000);
    await until(
      () => this.coordinator.nodeRows.nodes.get(name)?.value.state === NodeState.UNREACHABLE,
    );
  }

  get coordinator(): MortalCoordinator {
    if (this.#coordinator) return this.#coordinator;
    throw new Error('no coordinator runs');
  }

  async bring(number: number, server: string): Promise<void> {
    const { xuid } = player(number);
    await this.#turns.run('', async () => {
      this.#generations.set(xuid, await this.proxy.bring(player(number, { server })));
    });
  }

  async move(id: string, value = 'new'): Promise<void> {
    await this.#report(about(id, this.#generations.get(id) ?? 0, { $case: 'movedTo', value }));
  }

  async quit(id: string): Promise<void> {
    await this.#report(quit(id, this.#generations.get(id) ?? 0));
  }

  async #report(report: PlayerReport): Promise<void> {
    await this.#turns.run('', () => this.proxy.report(report));
  }

  /** Each transfer succeeds: the player moves, and the transfer ends. */
  succeed(): void {
    this.transfers.outcome = ({ id, end }) => void this.move(id).then(() => end());
  }

  fail(reason: 'NO_TARGET' | 'TIMED_OUT' = 'NO_TARGET'): void {
    this.transfers.outcome = ({ end }) => end(new KelpieError(reason, 'no server is open'));
  }

  async drain(partial: Partial<DrainNodeRequest> = {}): Promise<DrainProgress[]> {
    const told: DrainProgress[] = [];
    const request = { ...DrainNodeRequest.create({ name: 'old' }), ...partial };
    await this.drains.drain(request, (progress) => told.push(progress));
    return told;
  }

  /** Time passes in steps in which everything that is ready runs. */
  async pass(ms: number, stepMs = 100): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      await settled(12);
      for (const stream of this.#streams) {
        stream.send({ $case: 'heartbeat', value: Heartbeat.create() });
        // A node takes what comes until its stream ends, in turn with its reports, which wait for their answers.
        await this.#turns.run('', () => stream.pullIfReady().catch(() => undefined));
      }
      this.clock.advance(Math.min(stepMs, ms - passed));
    }
    await settled(12);
  }

  /** Nothing is left of drains that have ended. */
  expectNothingLeft(): void {
    expect(this.drains.pending, 'drains').to.equal(0);
    expect(this.coordinator.faults).to.deep.equal([]);
  }
}

const stages = (told: readonly DrainProgress[]) => told.map(({ stage }) => stage);

describe('a drain', () => {
  it('moves n players in n / rate seconds, evenly, each once, and ends when the node is empty', async () => {
    const town = await Town.open(20);
    town.succeed();
    const beganMs = town.clock.now();
    const told = await town.drain({ name: 'OLD', playersPerSecond: 4 });
    expect(told[0]).to.include({ stage: MOVING, playersLeft: 20, playersMoved: 0 });
    await town.pass(4700, 50);
    expect(stages(told).at(-1), 'not before the last player').to.equal(MOVING);
    await town.pass(300, 50);
    const at = town.transfers.begun.map(({ atMs }) => atMs - beganMs);
    expect(at).to.deep.equal(Array.from({ length: 20 }, (_, index) => index * 250));
    expect(new Set(town.transfers.begun.map(({ id }) => id)).size).to.equal(20);
    const last = told.at(-1);
    expect(last).to.include({ stage: EMPTY, playersLeft: 0, playersMoved: 20, transfersFailed: 0 });
    expect(last?.node).to.include({ name: 'old', drained: true });
    expect(told.length, 'two reports a second').to.be.within(5, 13);
    town.expectNothingLeft();
    expect(town.coordinator.nodeRows.drains.get('old')?.value.ended).to.equal(true);
  });

  it('sends players of a server where the rules say, those of a proxy to another, and all where it must', async () => {
    const town = await Town.open(2);
    await town.drain();
    await town.drain({ name: 'gate' });
    await town.pass(200);
    const places = town.transfers.begun.map(({ destination }) => destination?.place?.$case);
    expect(places.slice(0, 3)).to.deep.equal(['routed', 'proxy', 'routed']);
    const destination: TransferDestination = { place: { $case: 'server', value: 'new' } };
    await town.drain({ destination });
    await town.pass(1);
    expect(town.transfers.begun.some((one) => one.destination?.place?.$case === 'server')).to.equal(
      false,
    );
  });

  it('of a proxy names the server that the player is on, while that takes players', async () => {
    const town = await Town.open(1);
    const shown = async (partial: Partial<DrainNodeRequest> = {}) => {
      await town.drain({ name: 'gate', ...partial });
      await town.pass(200);
      const { destination } = town.transfers.begun.splice(0)[0] ?? {};
      town.fail();
      await town.coordinator.claims.drains.cancel('gate');
      await settled(12);
      return destination?.place?.value;
    };
    town.fail();
    expect(await shown()).to.deep.equal({ name: '', server: 'old' });
    await town.drain({ name: 'old', playersPerSecond: 0.01 });
    await town.pass(200);
    town.transfers.begun.splice(0);
    expect(await shown(), 'the server is drained').to.deep.equal({ name: '', server: '' });
    await town.move(player(0).xuid);
    expect(await shown()).to.deep.equal({ name: '', server: 'new' });
    const value = { name: '', server: 'old' };
    const destination: TransferDestination = { place: { $case: 'proxy', value } };
    expect(await shown({ destination }), 'a destination of its own').to.deep.equal(value);
    await town.move(player(0).xuid, 'gone');
    expect(await shown(), 'no server has this name').to.deep.equal({ name: '', server: '' });
  });

  it('of an empty node ends at once', async () => {
    const town = await Town.open(0);
    const told = await town.drain();
    await settled(12);
    expect(stages(told)).to.deep.equal([MOVING, EMPTY]);
    town.expectNothingLeft();
  });

  it('ends when the players leave by themselves', async () => {
    const town = await Town.open(3);
    const told = await town.drain({ playersPerSecond: 0.1 });
    await town.quit(player(0).xuid);
    await town.move(player(1).xuid);
    await town.pass(1000);
    expect(told.at(-1)).to.include({ stage: MOVING, playersLeft: 1 });
    await town.quit(player(2).xuid);
    await settled(12);
    expect(told.at(-1)?.stage, 'the transfer of a player has not ended').to.equal(MOVING);
    town.transfers.begun[0]?.end(new KelpieError('PLAYER_QUIT', 'they quit'));
    await settled(12);
    expect(told.at(-1)).to.include({ stage: EMPTY, playersLeft: 0, transfersFailed: 1 });
    town.expectNothingLeft();
  });

  it('tries a player again after a pause that grows, and ends at its deadline with the last error', async () => {
    const town = await Town.open(2);
    town.fail();
    const beganMs = town.clock.now();
    const told = await town.drain({ deadline: durationOf(60_000) });
    await town.pass(59_900);
    const at = town.transfers.begun.map(({ atMs }) => Math.round((atMs - beganMs) / 1000));
    expect(at.length, 'attempts').to.be.within(10, 24);
    expect(stages(told).at(-1)).to.equal(MOVING);
    await town.pass(200);
    const last = told.at(-1);
    const { begun } = town.transfers;
    expect(last).to.include({ stage: DEADLINE_PASSED, playersLeft: 2, playersMoved: 0 });
    expect(last?.transfersFailed).to.equal(begun.length);
    expect(last?.lastError?.reason).to.equal('NO_TARGET');
    await town.pass(20_000);
    expect(town.transfers.begun, 'nobody is moved after the deadline').to.have.length(begun.length);
    expect(town.coordinator.nodeRows.nodes.get('old')?.value.drained).to.equal(true);
    town.expectNothingLeft();
  });

  it('moves players who come meanwhile, and nobody twice at the same time', async () => {
    const town = await Town.open(1);
    const told = await town.drain();
    await town.bring(1, 'old');
    await town.pass(30_000);
    const ids = town.transfers.begun.map(({ id }) => id);
    expect(ids, 'both are on the way').to.have.members([player(0).xuid, player(1).xuid]);
    expect(told.at(-1)?.playersLeft).to.equal(2);
    for (const { id, end } of town.transfers.begun) await town.move(id).then(() => end());
    await settled(12);
    expect(told.at(-1)).to.include({ stage: EMPTY, playersMoved: 2 });
  });

  it('of a proxy waits for a player who logs in', async () => {
    const town = await Town.open(0);
    town.transfers.outcome = ({ id, end }) => void town.quit(id).then(() => end());
    await town.proxy.granted(player(0));
    const told = await town.drain({ name: 'gate' });
    await town.pass(2000);
    expect(told.at(-1)).to.include({ stage: MOVING, playersLeft: 1 });
    await town.bring(0, 'new');
    await town.pass(8000);
    expect(told.at(-1)).to.include({ stage: EMPTY, playersMoved: 1 });
  });

  it('ends when the node leaves, and when another process takes its name', async () => {
    for (const replaced of [false, true]) {
      const town = await Town.open(1);
      const told = await town.drain();
      const { claims } = town.coordinator;
      const left = claims.disconnect('old');
      if (replaced) await join(town.coordinator, hello('old'));
      await left;
      await settled(12);
      expect(stages(told).at(-1)).to.equal(NODE_LEFT);
      town.expectNothingLeft();
      const row = town.coordinator.nodeRows.drains.get('old');
      expect(row?.value.ended).to.equal(true);
    }
  });

  it('that begins again for the next process of the name moves its players', async () => {
    const town = await Town.open(1);
    town.succeed();
    await town.coordinator.claims.drains.cancel('old');
    const first = await town.drain({ playersPerSecond: 0.001 });
    const { claims } = town.coordinator;
    await claims.disconnect('old');
    await join(town.coordinator, hello('old'));
    const again = await town.drain();
    await town.bring(1, 'old');
    await town.pass(3000);
    expect(stages(first).at(-1)).to.equal(NODE_LEFT);
    expect(again.at(-1)).to.include({ stage: EMPTY, playersLeft: 0 });
    town.expectNothingLeft();
  });

  it('of a node whose stream is lost moves its players too', async () => {
    const town = await Town.open(2);
    town.succeed();
    await town.lose('old');
    expect(town.coordinator.nodeRows.nodes.get('old')?.value.state).to.equal(NodeState.UNREACHABLE);
    const told = await town.drain();
    await town.pass(1000);
    expect(told.at(-1)).to.include({ stage: EMPTY, playersMoved: 2 });
    expect(told.at(-1)?.node).to.include({ state: NodeState.UNREACHABLE, drained: true });
  });

  it('ends when somebody cancels it; the player who is on the way arrives', async () => {
    const town = await Town.open(3);
    const told = await town.drain({ playersPerSecond: 1 });
    await settled(12);
    await town.coordinator.claims.drains.cancel('old');
    expect(told.at(-1)).to.include({ stage: CANCELLED, playersLeft: 3 });
    expect(told.at(-1)?.node).to.include({ drained: false });
    await town.pass(5000);
    expect(town.transfers.begun).to.have.length(1);
    town.transfers.begun[0]?.end();
    town.expectNothingLeft();
  });

  it('goes on with the plan of a second request, and both callers get the progress', async () => {
    const town = await Town.open(10);
    town.succeed();
    const first = await town.drain({ playersPerSecond: 0.5 });
    await town.pass(1000);
    expect(town.transfers.begun).to.have.length(1);
    const second = await town.drain({ playersPerSecond: 10, deadline: durationOf(900) });
    expect(second[0]).to.include({ playersLeft: 9, playersMoved: 1 });
    await town.pass(900);
    for (const told of [first, second]) {
      expect(told.at(-1)).to.include({ stage: EMPTY, playersMoved: 10 });
    }
    town.expectNothingLeft();
  });

  it('may begin again after its end', async () => {
    const town = await Town.open(1);
    town.fail();
    const first = await town.drain({ deadline: durationOf(500) });
    await town.pass(600);
    expect(stages(first).at(-1)).to.equal(DEADLINE_PASSED);
    town.succeed();
    const again = await town.drain();
    await town.pass(1000);
    expect(again.at(-1)).to.include({ stage: EMPTY, playersMoved: 1, transfersFailed: 0 });
    town.expectNothingLeft();
  });

  it('goes on after a restart of the coordinator with its whole deadline; one that has ended does not', async () => {
    const town = await Town.open(2);
    town.fail('TIMED_OUT');
    await town.drain({ deadline: durationOf(10_000) });
    await town.pass(9000);
    await town.start();
    expect(town.drains.pending).to.equal(1);
    const { begun } = town.transfers;
    begun.splice(0);
    await town.pass(9000);
    expect(begun).to.not.have.length(0);
    expect(town.drains.pending, 'not yet').to.equal(1);
    await town.pass(1200);
    expect(town.drains.pending).to.equal(0);
    begun.splice(0);
    await town.start();
    await town.pass(2000);
    expect([town.drains.pending, begun.length]).to.deep.equal([0, 0]);
    expect(town.coordinator.nodeRows.nodes.get('old')?.value.drained).to.equal(true);
  });

  it('stops with the coordinator: no timer and no watcher stays', async () => {
    const town = await Town.open(3);
    const told = await town.drain();
    await town.pass(100);
    town.drains.close();
    const { length } = told;
    await town.pass(5000);
    expect(town.transfers.begun).to.have.length(1);
    expect(told).to.have.length(length);
    expect(town.drains.pending).to.equal(0);
  });

  it('reports to a caller until they stop watching', async () => {
    const town = await Town.open(3);
    const told: DrainProgress[] = [];
    const request = DrainNodeRequest.create({ name: 'old' });
    const stop = await town.drains.drain(request, (progress) => told.push(progress));
    expect(town.drains.watching).to.equal(1);
    stop();
    expect(town.drains.watching).to.equal(0);
    await town.pass(2000);
    expect(told).to.have.length(1);
    expect(town.drains.pending, 'the drain goes on').to.equal(1);
  });
});

function proxyNamed(name: string): TransferDestination {
  return { place: { $case: 'proxy', value: { name, server: '' } } };
}

describe('a request to drain', () => {
  it('has a rate and a deadline within their limits, and a node that holds players', async () => {
    const town = await Town.open(0);
    await join(town.coordinator, hello('shop', { role: NodeRole.SERVICE }));
    const requests: Partial<DrainNodeRequest>[] = [
      ...[-1, NaN, Infinity, 1e9, 1000.1].map((playersPerSecond) => ({ playersPerSecond })),
      ...[0, -1, 25 * 3_600_000, 86_400_001].map((ms) => ({ deadline: durationOf(ms) })),
      { deadline: { seconds: NaN, nanos: 0 } },
      { destination: { place: { $case: 'server', value: 'OLD' } } },
      { name: 'gate', destination: proxyNamed('gate') },
      { name: 'nobody' },
      { name: 'shop' },
    ];
    const reasons: string[] = [];
    for (const request of requests) {
      const { reason } = await rejectionOf(KelpieError, town.drain(request));
      reasons.push(reason);
    }
    expect(reasons).to.deep.equal([
      ...Array<string>(5).fill('OUT_OF_RANGE'),
      ...Array<string>(5).fill('DEADLINE_INVALID'),
      ...['OUT_OF_RANGE', 'OUT_OF_RANGE'],
      ...['NODE_NOT_FOUND', 'ROLE_HOLDS_NO_PLAYERS'],
    ]);
    expect(town.drains.watching).to.equal(0);
    expect(town.coordinator.nodeRows.drains.size).to.equal(0);
  });

  it('is refused for watcher number 1001', async () => {
    const town = await Town.open(1);
    const all = await Promise.allSettled(Array.from({ length: 1001 }, () => town.drain()));
    const refused = all.flatMap((one) =>
      one.status === 'rejected' ? [(one.reason as KelpieError).reason] : [],
    );
    expect(refused).to.deep.equal(['TRANSFER_LIMIT']);
    expect(town.drains.pending).to.equal(1);
  });
});

describe('a call that drains', () => {
  /** The context of a call whose caller may end it. */
  const contextOf = (signal: AbortSignal) => ({ signal }) as CallContext;

  it('leaves nothing when its caller ends it, and ends with the error of a coordinator that stops', async () => {
    for (const stops of [false, true]) {
      const town = await Town.open(1);
      const [caller, draining] = [new AbortController(), new AbortController()];
      const { drains, coordinator } = town;
      const services = { drains, network: coordinator.network, claims: coordinator.claims };
      const answers = drainCall(
        { ...services, draining: draining.signal },
        DrainNodeRequest.create({ name: 'old' }),
        contextOf(caller.signal),
      );
      expect((await answers.next()).value).to.include({ stage: MOVING, playersLeft: 1 });
      const read = (async () => {
        for await (const { stage } of answers) expect(stage).to.equal(MOVING);
      })();
      await town.pass(1000);
      expect(drains.watching).to.equal(1);
      const error = new KelpieError('DRAINING', 'the coordinator is about to stop');
      if (stops) draining.abort(error);
      else caller.abort();
      if (stops) expect(await rejectionOf(KelpieError, read)).to.equal(error);
      else await read;
      expect(drains.watching).to.equal(0);
      expect(drains.pending, 'the drain goes on').to.equal(1);
    }
  });

  it('gives a slow caller the newest progress alone, and the last', async () => {
    const town = await Town.open(10);
    town.succeed();
    const { drains, coordinator } = town;
    const services = { drains, network: coordinator.network, claims: coordinator.claims };
    const answers = drainCall(
      { ...services, draining: new AbortController().signal },
      DrainNodeRequest.create({ name: 'old' }),
      contextOf(new AbortController().signal),
    );
    await answers.next();
    await town.pass(5000);
    const rest = [];
    for await (const { stage, playersMoved } of answers) rest.push({ stage, playersMoved });
    expect(rest).to.deep.equal([{ stage: EMPTY, playersMoved: 10 }]);
    expect(drains.watching).to.equal(0);
  });
});
