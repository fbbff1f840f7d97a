/** Reservations of one coordinator: who gets slots, how many, and when they end. */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import {
  ReleaseSlotsRequest,
  ReserveSlotsRequest,
} from '../../../gen/ts/kelpie/v1/node_service.js';
import { NodeLeaveReason } from '../../../gen/ts/kelpie/v1/event.js';
import { NodeChange, NodeLoad, NodeRole, NodeState } from '../../../gen/ts/kelpie/v1/node.js';
import { ServerSelector, RoutingStrategy } from '../../../gen/ts/kelpie/v1/routing.js';
import { GoodbyeReason, Heartbeat } from '../../../gen/ts/kelpie/v1/session_service.js';
import { ServerSelection } from '../../../gen/ts/kelpie/v1/transfer.js';
import { KelpieError } from '../../../server/core/errors.js';
import { defaultTimes } from '../../../server/network/limits.js';
import type { Hold } from '../../../server/routing/hold.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { settled } from '../../support/journal/history.js';
import { LossyJournal } from '../../support/journal/lossy-journal.js';
import {
  after,
  hello,
  join,
  type ModelOptions,
  openCoordinator,
  openJournal,
  openMortal,
  type TestCoordinator,
  type TestStream,
} from '../../support/model/coordinator.js';
import { joined, player, TestProxy } from '../../support/model/proxy.js';
import { rejectionOf } from '../../support/thrown.js';
import { until } from '../../support/until.js';

const { graceMs, maxSilenceMs } = defaultTimes;

function hold(place: string | Partial<ServerSelection>, partial: Partial<Hold> = {}): Hold {
  const named = typeof place === 'string';
  return {
    place: named ? { node: place } : { servers: ServerSelection.create(place) },
    slots: 1,
    ttlMs: 60_000,
    purpose: 'a test',
    owner: '',
    ...partial,
  };
}

/** A coordinator with servers that have room for so many players. */
async function town(servers: Readonly<Record<string, number>>, options: ModelOptions = {}) {
  const opened = await openCoordinator(options);
  for (const [name, maxPlayers] of Object.entries(servers)) {
    await join(opened, hello(name, { maxPlayers }));
  }
  return opened;
}

type Town = Pick<TestCoordinator, 'reservations'>;

async function refusal({ reservations }: Town, request: Hold): Promise<KelpieError> {
  return rejectionOf(KelpieError, reservations.hold(request));
}

/** The number of holds that got slots on each node, and of those that did not by their reason. */
async function outcomes({ reservations }: Town, requests: readonly Hold[]) {
  const count: Record<string, number> = {};
  const add = (key: string): void => void (count[key] = (count[key] ?? 0) + 1);
  const each = requests.map((one) =>
    reservations.hold(one).then(
      ({ node }) => add(node),
      (error: unknown) => add((error as KelpieError).reason),
    ),
  );
  await Promise.all(each);
  return count;
}

function times(count: number, request: Hold): Hold[] {
  return Array.from({ length: count }, () => request);
}

/** Nothing is reserved, no timer runs, and no row is left. */
async function expectNothing({ reservations, journal, faults }: TestCoordinator): Promise<void> {
  expect(reservations.pending).to.equal(0);
  expect(reservations.rows.table.size).to.equal(0);
  const left: string[] = [];
  for (const prefix of ['reservations/', 'slots/']) {
    for await (const { key } of journal.rows(prefix)) left.push(key);
  }
  expect(left).to.deep.equal([]);
  expect(faults).to.deep.equal([]);
}

describe('a hold', () => {
  it('of many at once never takes more than there is, and costs few writes', async () => {
    const one = await town({ lobby: 10 });
    const tags = new Set<number>();
    one.journal.onAppend((entries) => entries.forEach(({ tag }) => tags.add(tag)));
    expect(await outcomes(one, times(100, hold('Lobby')))).to.deep.equal({
      lobby: 10,
      SERVER_FULL: 90,
    });
    expect(one.reservations.reservedOn('lobby')).to.equal(10);
    expect(tags.size, 'writes').to.be.lessThan(3);
  });

  it('counts the players of a server, and those of a proxy', async () => {
    const one = await town({ lobby: 3 });
    const gate = await TestProxy.join(one, 'gate', { maxPlayers: 4 });
    for (const number of [1, 2]) {
      await gate.report(joined(player(number, { server: 'lobby' })));
    }
    expect(await outcomes(one, times(5, hold('lobby')))).to.deep.equal({
      lobby: 1,
      SERVER_FULL: 4,
    });
    expect(await outcomes(one, times(5, hold('gate')))).to.deep.equal({ gate: 2, SERVER_FULL: 3 });
    const { message, metadata } = await refusal(one, hold('gate', { slots: 2 }));
    expect(metadata).to.deep.equal({ name: 'gate', limit: '4' });
    expect(message).to.equal('"gate" has 4 of 4 slots in use or reserved, and 2 more do not fit');
    const single = await refusal(one, hold('gate'));
    expect(single.message).to.contain('and 1 more does not fit');
  });

  it('of a server without max_players always fits, and a limit of the request counts', async () => {
    const one = await openCoordinator();
    await join(one, hello('lobby'));
    expect(await outcomes(one, times(500, hold('lobby', { slots: 1000 })))).to.deep.equal({
      lobby: 500,
    });
    const limited = times(5, hold('lobby', { limit: 500_002 }));
    expect(await outcomes(one, limited)).to.deep.equal({ lobby: 2, SERVER_FULL: 3 });
  });

  for (const [strategy, nodes] of [
    [RoutingStrategy.UNSPECIFIED, { a: 10, b: 10, c: 10 }],
    [RoutingStrategy.LEAST_PLAYERS, { a: 10, b: 10, c: 10 }],
    [RoutingStrategy.ROUND_ROBIN, { a: 10, b: 10, c: 10 }],
    [RoutingStrategy.STICKY, { a: 10, b: 10, c: 10 }],
    [RoutingStrategy.MOST_PLAYERS, { a: 20, b: 10 }],
  ] as const) {
    it(`of a burst spreads over servers by strategy ${strategy}`, async () => {
      const one = await town({ a: 20, b: 20, c: 20 });
      expect(await outcomes(one, times(30, hold({ strategy })))).to.deep.equal(nodes);
    });
  }

  it('of a burst fills all servers that match, and then gets SERVER_FULL', async () => {
    const one = await town({ a: 7, b: 11, c: 2, d: 100 });
    const servers = ServerSelector.create({ names: ['A', 'b', 'C'] });
    expect(await outcomes(one, times(50, hold({ servers })))).to.deep.equal({
      ...{ a: 7, b: 11, c: 2 },
      SERVER_FULL: 30,
    });
    expect((await refusal(one, hold({ servers }))).message).to.match(
      /^none of the 3 servers that match is open; "a" has 7 of 7 slots/,
    );
  });

  it('is refused by nodes that take no players', async () => {
    const one = await town({ lobby: 10 });
    await join(one, hello('shop', { role: NodeRole.SERVICE }));
    const states = ['STARTING', 'DRAINING', 'MAINTENANCE'] as const;
    for (const state of states) {
      await join(one, hello(state, { state: NodeState[state] }));
      const { reason, metadata } = await refusal(one, hold(state));
      expect([reason, metadata]).to.deep.equal([
        'SERVER_DRAINING',
        { name: state.toLowerCase(), state },
      ]);
    }
    const { stream } = await join(one, hello('away'));
    await stream.cut();
    one.clock.advance(1000);
    await until(() => one.nodeRows.nodes.get('away')?.value.state === NodeState.UNREACHABLE);
    expect((await refusal(one, hold('away'))).reason).to.equal('SERVER_UNREACHABLE');
    expect((await one.reservations.hold(hold('away', { lastResort: true }))).node).to.equal('away');
    expect((await refusal(one, hold('nowhere'))).reason).to.equal('NODE_NOT_FOUND');
    expect((await refusal(one, hold('x'.repeat(5000)))).reason).to.equal('NODE_NOT_FOUND');
    expect((await refusal(one, hold('shop'))).reason).to.equal('ROLE_HOLDS_NO_PLAYERS');
    expect((await refusal(one, hold('lobby', { owner: 'nobody' }))).reason).to.equal(
      'NODE_NOT_FOUND',
    );
    const of = (...names: string[]) => hold({ servers: ServerSelector.create({ names }) });
    expect((await refusal(one, of('draining', 'away'))).reason).to.equal('SERVER_UNREACHABLE');
    expect((await refusal(one, of('draining', 'starting'))).reason).to.equal('SERVER_DRAINING');
    expect((await refusal(one, of('shop', 'nowhere'))).reason).to.equal('NO_TARGET');
  });

  it('has limits', async () => {
    const one = await town({ lobby: 10 });
    const odd: readonly [Hold, string, string?][] = [
      [hold('lobby', { slots: 0 }), 'OUT_OF_RANGE', 'slots'],
      [hold('lobby', { slots: 1001 }), 'OUT_OF_RANGE', 'slots'],
      [hold('lobby', { ttlMs: 0 }), 'OUT_OF_RANGE', 'ttl'],
      [hold('lobby', { ttlMs: 999 }), 'OUT_OF_RANGE', 'ttl'],
      [hold('lobby', { ttlMs: -1 }), 'OUT_OF_RANGE', 'ttl'],
      [hold('lobby', { ttlMs: NaN }), 'OUT_OF_RANGE', 'ttl'],
      [hold('lobby', { ttlMs: 365 * 24 * 3600 * 1000 }), 'OUT_OF_RANGE', 'ttl'],
      [hold('lobby', { purpose: 'é'.repeat(128) }), 'TEXT_TOO_LONG', 'purpose'],
      [hold({ strategy: 77 as RoutingStrategy }), 'OUT_OF_RANGE', 'strategy'],
      [
        hold({ servers: { labels: {}, names: Array.from({ length: 65 }, () => 'a') } }),
        'OUT_OF_RANGE',
        'names',
      ],
      [hold({ servers: { labels: {}, names: ['a.b'] } }), 'NODE_NAME_INVALID'],
      [hold({ servers: { labels: { '': 'x' }, names: [] } }), 'LABELS_INVALID'],
    ];
    for (const [request, reason, field] of odd) {
      const error = await refusal(one, request);
      expect([error.reason, error.metadata['field']]).to.deep.equal([reason, field]);
    }
    await expectNothing(one);
  });

  it('is limited in number for a node and for the network', async () => {
    const limits = { reservations: 5, nodeReservations: 3 };
    const one = await town({ a: 100, b: 100 }, { limits });
    expect(await outcomes(one, times(10, hold('a')))).to.deep.equal({ a: 3, RESERVATION_LIMIT: 7 });
    expect(await outcomes(one, times(10, hold('b')))).to.deep.equal({ b: 2, RESERVATION_LIMIT: 8 });
    expect((await refusal(one, hold('b'))).metadata).to.deep.equal({ limit: '5' });
  });
});

describe('a slot of a reservation', () => {
  const split = ({ reservations }: Town, id: string) =>
    reservations.split(id, { ttlMs: 60_000, purpose: 'a test' });

  it('becomes a reservation of its own in one write, and nobody else gets it', async () => {
    const one = await town({ lobby: 3 });
    const { reservations } = one;
    const { id } = await reservations.hold(hold('lobby', { slots: 3 }));
    const slots = [split(one, id), split(one, id)];
    expect(await outcomes(one, times(20, hold('lobby')))).to.deep.equal({ SERVER_FULL: 20 });
    const held = [id, ...(await Promise.all(slots))];
    expect(held.map((each) => reservations.find(each).slots)).to.deep.equal([1, 1, 1]);
    expect(await split(one, id)).to.not.equal(id);
    const { reason } = await rejectionOf(KelpieError, split(one, id));
    expect(reason, 'the reservation ends with its last slot').to.equal('RESERVATION_NOT_FOUND');
    expect(reservations.reservedOn('lobby')).to.equal(3);
  });

  it('has its own time, and no owner', async () => {
    const one = await town({ lobby: 4 });
    const { reservations, clock } = one;
    const owner = await join(one, hello('plugin', { role: NodeRole.SERVICE }));
    const request = hold('lobby', { slots: 3, ttlMs: 10_000, owner: 'plugin' });
    const { id } = await reservations.hold(request);
    clock.advance(5000);
    await split(one, id);
    clock.advance(5000);
    await until(() => reservations.reservedOn('lobby') === 1);
    const second = await reservations.hold({ ...request, ttlMs: 600_000 });
    await split(one, second.id);
    owner.stream.send({ $case: 'goodbye', value: { reason: GoodbyeReason.STOP } });
    await owner.stream.ended();
    await until(() => reservations.reservedOn('lobby') === 2);
    clock.advance(60_000);
    await until(() => reservations.reservedOn('lobby') === 0);
    await settled();
    await expectNothing(one);
  });

  it('stays in the reservation where the node takes nobody', async () => {
    const one = await town({ lobby: 2 }, { limits: { reservations: 2 } });
    const { reservations, claims, nodeRows } = one;
    const { id } = await reservations.hold(hold('lobby', { slots: 2 }));
    const change = (more: Partial<NodeChange>) => claims.update('lobby', NodeChange.create(more));
    const reasonOf = async (of: string) => (await rejectionOf(KelpieError, split(one, of))).reason;
    await change({ state: NodeState.DRAINING });
    expect(await reasonOf(id)).to.equal('SERVER_DRAINING');
    await change({ state: NodeState.READY, maxPlayers: 1 });
    expect(await reasonOf(id)).to.equal('SERVER_FULL');
    await change({ maxPlayers: 2 });
    const other = await reservations.hold(hold('lobby', { slots: 1 })).catch(() => undefined);
    expect(other).to.equal(undefined);
    expect(reservations.find(id).slots).to.equal(2);
    await split(one, id);
    expect(await reasonOf(id)).to.equal('RESERVATION_LIMIT');
    expect(await reasonOf('x'.repeat(5000))).to.equal('RESERVATION_NOT_FOUND');
    const owner = nodeRows.owners.get('lobby')?.sequence ?? 0;
    await claims.leave('lobby', owner, NodeLeaveReason.STOPPED);
    expect(await reasonOf(id)).to.equal('RESERVATION_NOT_FOUND');
    await expectNothing(one);
  });
});

describe('a reservation', () => {
  it('whose player has arrived does not count, though its release is not stored', async () => {
    const clock = new FakeClock();
    const journal = new LossyJournal(clock, { entries: 1000, bytes: 2 ** 20, ageMs: 2 ** 40 });
    const one = await openMortal(journal, clock, { turns: () => 5 });
    await join(one, hello('lobby', { maxPlayers: 5 }));
    const { reservations } = one;
    const { id } = await reservations.hold(hold('lobby', { slots: 4 }));
    const arrivals = [reservations.arrive(id), reservations.arrive(id)];
    expect(reservations.reservedOn('lobby')).to.equal(2);
    // These are decided in the transaction that releases the slots of the arrived.
    expect(await outcomes(one, times(4, hold('lobby')))).to.deep.equal({
      lobby: 3,
      SERVER_FULL: 1,
    });
    await Promise.all(arrivals);
    expect(reservations.rows.table.get(id)?.value.slots).to.equal(2);
    expect(reservations.reservedOn('lobby')).to.equal(5);
    journal.lose = 'before';
    const unknown = reservations.arrive(id);
    expect(reservations.reservedOn('lobby')).to.equal(4);
    expect((await rejectionOf(KelpieError, unknown)).reason).to.equal('OUTCOME_UNKNOWN');
    expect(reservations.reservedOn('lobby'), 'counts again').to.equal(5);
    journal.lose = 'after';
    const stored = reservations.arrive(id);
    expect((await rejectionOf(KelpieError, stored)).reason).to.equal('OUTCOME_UNKNOWN');
    expect(reservations.reservedOn('lobby'), 'was stored').to.equal(4);
    clock.advance(60_000);
    await until(() => reservations.reservedOn('lobby') === 0 && reservations.pending === 0);
    const { reason } = await rejectionOf(KelpieError, reservations.arrive(id));
    expect(reason).to.equal('RESERVATION_NOT_FOUND');
    one.die();
  });

  it('is released in parts or whole, once', async () => {
    const one = await town({ lobby: 5 });
    const { reservations } = one;
    const { id } = await reservations.hold(hold('lobby', { slots: 5 }));
    await reservations.release(id, 2);
    expect(reservations.reservedOn('lobby')).to.equal(3);
    const over = await rejectionOf(KelpieError, reservations.release(id, 4));
    expect([over.reason, over.metadata]).to.deep.equal([
      'OUT_OF_RANGE',
      { field: 'slots', limit: '3' },
    ]);
    const all = await Promise.allSettled(
      [1, 1, 1, 1].map((slots) => reservations.release(id, slots)),
    );
    expect(all.map(({ status }) => status)).to.deep.equal([
      ...['fulfilled', 'fulfilled', 'fulfilled', 'rejected'],
    ]);
    for (const gone of [id, '', 'x'.repeat(5000)]) {
      const { reason } = await rejectionOf(KelpieError, reservations.release(gone));
      expect(reason).to.equal('RESERVATION_NOT_FOUND');
    }
    await expectNothing(one);
  });

  it('ends by its time; the rest of a part that was released ends then too', async () => {
    const one = await town({ lobby: 5 });
    const { reservations, clock } = one;
    const { id } = await reservations.hold(hold('lobby', { slots: 2, ttlMs: 10_000 }));
    await reservations.hold(hold('lobby', { ttlMs: 20_000 }));
    clock.advance(9000);
    await reservations.release(id, 1);
    clock.advance(999);
    await settled();
    expect(reservations.reservedOn('lobby')).to.equal(2);
    clock.advance(1);
    await until(() => reservations.reservedOn('lobby') === 1);
    clock.advance(10_000);
    await until(() => reservations.reservedOn('lobby') === 0);
    await settled();
    await expectNothing(one);
  });

  it('ends with its node, and with the node that owns it, but not while their process resumes', async () => {
    const one = await town({ a: 9, b: 9, c: 9 });
    const { reservations, claims, nodeRows } = one;
    const leave = (name: string, reason: NodeLeaveReason) =>
      claims.leave(name, nodeRows.owners.get(name)?.sequence ?? 0, reason);
    const instanceId = randomBytes(16);
    const first = await join(one, hello('plugin', { role: NodeRole.SERVICE, instanceId }));
    for (const name of ['a', 'b', 'c']) {
      await reservations.hold(hold(name, { owner: 'Plugin', slots: 2 }));
      await reservations.hold(hold(name));
    }
    await first.stream.cut();
    await join(one, hello('plugin', { role: NodeRole.SERVICE, instanceId }));
    const held = () => ['a', 'b', 'c'].map((name) => reservations.reservedOn(name));
    expect(held()).to.deep.equal([3, 3, 3]);
    await leave('a', NodeLeaveReason.STOPPED);
    expect(held()).to.deep.equal([0, 3, 3]);
    await leave('plugin', NodeLeaveReason.DISCONNECTED);
    expect(held()).to.deep.equal([0, 1, 1]);
    await leave('b', NodeLeaveReason.DISCONNECTED);
    await leave('c', NodeLeaveReason.DISCONNECTED);
    await expectNothing(one);
  });

  it('ends when its owner is lost, or says goodbye, or another process takes its name', async () => {
    const one = await town({ lobby: 9 });
    const { reservations, clock } = one;
    const owned = async (end: (of: Awaited<ReturnType<typeof join>>) => Promise<unknown>) => {
      const session = await join(one, hello('plugin', { role: NodeRole.SERVICE }));
      await reservations.hold(hold('lobby', { owner: 'plugin', slots: 3, ttlMs: 600_000 }));
      await end(session);
      await until(() => reservations.reservedOn('lobby') === 0);
    };
    await owned(async ({ stream }) => {
      stream.send({ $case: 'goodbye', value: { reason: GoodbyeReason.STOP } });
      await stream.ended();
    });
    await owned(async ({ stream }) => {
      await stream.cut();
      clock.advance(1000);
      await settled();
      expect(reservations.reservedOn('lobby'), 'within the grace').to.equal(3);
      clock.advance(graceMs);
    });
    await owned(async ({ stream }) => {
      await stream.cut();
      await join(one, hello('plugin', { role: NodeRole.SERVICE }));
    });
    await until(() => reservations.rows.table.size === 0);
    await expectNothing(one);
  });

  it('of ten thousand ends with the node in pages, and nothing is left', async () => {
    const one = await town({ lobby: 10_000 });
    const { reservations, claims, nodeRows } = one;
    await Promise.all(times(10_000, hold('lobby')).map((each) => reservations.hold(each)));
    expect((await refusal(one, hold('lobby'))).reason).to.equal('RESERVATION_LIMIT');
    await claims.leave('lobby', nodeRows.owners.get('lobby')?.sequence ?? 0, NodeLeaveReason.LOST);
    await expectNothing(one);
  });

  it('survives a restart of the coordinator, and its time begins anew', async () => {
    const clock = new FakeClock();
    const journal = openJournal(clock);
    const first = await openMortal(journal, clock, { coordinatorId: 'one' });
    const instanceId = randomBytes(16);
    await join(first, hello('lobby', { maxPlayers: 2, instanceId }));
    await join(first, hello('empty'));
    const { id } = await first.reservations.hold(hold('lobby', { slots: 2, ttlMs: 10_000 }));
    clock.advance(9000);
    first.die();
    const second = await openMortal(journal, clock, { coordinatorId: 'two' });
    const reported = second.loads.all().map(({ name, reservedSlots }) => [name, reservedSlots]);
    expect(reported, 'for readers with other numbers').to.have.deep.members([
      ['lobby', 2],
      ['empty', 0],
    ]);
    await join(second, hello('lobby', { maxPlayers: 2, instanceId }));
    clock.advance(9999);
    await settled();
    expect((await refusal(second, hold('lobby'))).reason).to.equal('SERVER_FULL');
    expect(second.reservations.rows.table.get(id)?.value.purpose).to.equal('a test');
    clock.advance(1);
    await until(() => second.reservations.reservedOn('lobby') === 0);
    expect(second.reservations.reservedOn('lobby')).to.equal(0);
    second.die();
  });

  it('ends at a start, if the coordinator died after its node had left', async () => {
    const clock = new FakeClock();
    const journal = openJournal(clock);
    const first = await openMortal(journal, clock, { coordinatorId: 'one' });
    await join(first, hello('lobby', { maxPlayers: 200 }));
    await first.reservations.hold(hold('lobby', { slots: 2 }));
    journal.onAppend((entries) => {
      if (entries.some(({ key, value }) => key === 'nodes/lobby' && value === null)) first.die();
    });
    const { sequence } = first.nodeRows.owners.get('lobby') ?? { sequence: 0 };
    void first.claims.leave('lobby', sequence, NodeLeaveReason.LOST);
    await settled(20);
    const rows = async () => {
      const keys: string[] = [];
      for await (const { key } of journal.rows('reservations/')) keys.push(key);
      return keys.length;
    };
    expect(await rows(), 'it died before').to.equal(1);
    const second = await openMortal(journal, clock, { coordinatorId: 'two' });
    expect(await rows()).to.equal(0);
    expect(second.reservations.pending).to.equal(0);
    second.die();
  });
});

describe('the session of a node', () => {
  async function session(one: TestCoordinator, name: string, instanceId = randomBytes(16)) {
    const joining = await join(one, hello(name, { role: NodeRole.SERVICE, instanceId }));
    const { stream } = joining;
    const reserve = (partial: Partial<ReserveSlotsRequest>, requestId = 1): void => {
      const value = ReserveSlotsRequest.create({
        place: { $case: 'node', value: 'lobby' },
        slots: 1,
        ttl: { seconds: 60, nanos: 0 },
        ...partial,
      });
      stream.send({ requestId, frame: { $case: 'reserveSlots', value } });
    };
    return { ...joining, reserve };
  }

  it('holds and releases slots, which end with its node', async () => {
    const one = await town({ lobby: 5 });
    const { stream, reserve } = await session(one, 'plugin');
    reserve({ slots: 3 });
    const { reservationId, node, cursor } = await stream.next('slotsReserved');
    expect([node, cursor?.sequence]).to.deep.equal(['lobby', one.journal.head.sequence]);
    expect(one.reservations.rows.table.get(reservationId)?.value.owner).to.equal('plugin');
    const value = ReleaseSlotsRequest.create({ reservationId, slots: 1 });
    stream.send({ requestId: 2, frame: { $case: 'releaseSlots', value } });
    await stream.next('requestOk');
    expect(one.reservations.reservedOn('lobby')).to.equal(2);
    reserve({ slots: 4 });
    const { error } = await stream.next('requestFailed');
    expect(error?.metadata).to.deep.equal({ name: 'lobby', limit: '5' });
    reserve({ place: undefined });
    expect((await stream.next('requestFailed')).error?.metadata['field']).to.equal('place');
    reserve({ ttl: undefined });
    expect((await stream.next('requestFailed')).error?.metadata['field']).to.equal('ttl');
    await stream.cut();
    one.clock.advance(maxSilenceMs + graceMs);
    await until(() => one.reservations.rows.table.size === 0);
    await expectNothing(one);
  });

  it('gets all of very many requests answered, and holds no more than there is', async () => {
    const one = await town({ lobby: 50 });
    const { stream, reserve } = await session(one, 'plugin');
    for (let id = 1; id <= 3000; id++) reserve({}, id);
    let answers = 0;
    while (answers < 3000) {
      for (const { frame } of (await stream.pull()) ?? []) {
        if (frame?.$case === 'slotsReserved' || frame?.$case === 'requestFailed') answers += 1;
      }
    }
    expect(one.reservations.reservedOn('lobby')).to.equal(50);
  });

  it('that another session replaced can neither hold nor release', async () => {
    const one = await town({ lobby: 5 });
    const { reservations } = one;
    const instanceId = randomBytes(16);
    const before = await session(one, 'plugin', instanceId);
    const by = { name: 'plugin', generation: before.welcome.generation };
    const { id } = await reservations.hold(hold('lobby', { by, owner: 'plugin' }));
    await session(one, 'plugin', instanceId);
    expect((await refusal(one, hold('lobby', { by }))).reason).to.equal('STALE_GENERATION');
    const { reason } = await rejectionOf(KelpieError, reservations.release(id, 0, by));
    expect(reason).to.equal('STALE_GENERATION');
    expect(reservations.reservedOn('lobby')).to.equal(1);
  });
});

describe('the reserved slots of a node', () => {
  it('reach readers of nodes beside the load, once a heartbeat interval, and 0 after the end', async () => {
    const one = await town({ south: 5 });
    const { stream: north } = await join(one, hello('north'));
    const { stream } = await join(one, hello('reader', { topics: ['nodes.*'] }));
    const load = { ...NodeLoad.create(), tps: 20 };
    const { id } = await one.reservations.hold(hold('south', { slots: 3 }));
    await one.reservations.release(id, 1);
    north.send({ $case: 'heartbeat', value: { ...Heartbeat.create(), load } });
    await until(() => one.loads.get('north') !== undefined);
    one.clock.advance(5000);
    expect((await stream.next('nodeLoads')).loads).to.deep.equal([
      { name: 'south', load: undefined, reservedSlots: 2 },
      { name: 'north', load, reservedSlots: undefined },
    ]);
    await one.reservations.release(id);
    const { id: again } = await one.reservations.hold(hold('north'));
    one.clock.advance(5000);
    expect((await stream.next('nodeLoads')).loads).to.deep.equal([
      { name: 'south', load: undefined, reservedSlots: 0 },
      { name: 'north', load, reservedSlots: 1 },
    ]);
    // The end of a session takes the load, and not the news about slots.
    await north.cut();
    await one.reservations.release(again);
    one.clock.advance(5000);
    expect((await stream.next('nodeLoads')).loads).to.deep.equal([
      { name: 'north', load: undefined, reservedSlots: 0 },
    ]);
    one.clock.advance(graceMs);
    await until(() => one.nodeRows.nodes.get('north') === undefined);
    expect(one.loads.all().map(({ name }) => name)).to.deep.equal(['south']);
    await one.claims.update('south', NodeChange.create({ maxPlayers: 9 }));
    await expectNothing(one);
  });

  it('reach a reader that was away when they ended: it gets a 0', async () => {
    const one = await town({ south: 5 });
    const reader = hello('reader', { topics: ['nodes.*'] });
    const { stream, welcome } = await join(one, reader);
    const { id } = await one.reservations.hold(hold('south', { slots: 3 }));
    one.clock.advance(5000);
    const frame = async (of: TestStream) => {
      const { loads } = await of.next('nodeLoads');
      return loads.map(({ name, reservedSlots }) => [name, reservedSlots]);
    };
    expect(await frame(stream)).to.deep.equal([['south', 3]]);
    await stream.cut();
    await one.reservations.release(id);
    // Other readers get the number meanwhile.
    one.clock.advance(5000);
    const start = welcome.cursor && after(welcome.cursor);
    const back = await join(one, { ...reader, start });
    one.clock.advance(5000);
    expect(await frame(back.stream)).to.deep.equal([['south', 0]]);
    await expectNothing(one);
  });
});
