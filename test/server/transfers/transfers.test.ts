/** The limits of transfers, their frames on a session, and their ends when the coordinator stops. */
import { expect } from 'chai';
import { ErrorReason } from '../../../gen/ts/kelpie/v1/error.js';
import { NodeRole } from '../../../gen/ts/kelpie/v1/node.js';
import { TransferPlayersRequest } from '../../../gen/ts/kelpie/v1/player_service.js';
import {
  ServerSelection,
  type TransferDestination,
  TransferStage,
} from '../../../gen/ts/kelpie/v1/transfer.js';
import { durationOf } from '../../../server/core/duration.js';
import { KelpieError } from '../../../server/core/errors.js';
import type { MoveOptions, MoveUpdate } from '../../../server/transfers/transfers.js';
import { settled } from '../../support/journal/history.js';
import {
  hello,
  join,
  openCoordinator,
  type TestCoordinator,
  type TestStream,
} from '../../support/model/coordinator.js';
import { about, player, TestProxy } from '../../support/model/proxy.js';
import { rejectionOf, thrownBy } from '../../support/thrown.js';

const ARENA: TransferDestination = { place: { $case: 'server', value: 'arena' } };
const NOTHING = new Uint8Array();

interface Town {
  readonly town: TestCoordinator;
  readonly gate: TestProxy;
  readonly refs: { playerId: string; generation: number }[];
}

/** A proxy that handles transfer_player with some players, and a server without commands. */
async function open(
  players: number,
  limits: Parameters<typeof openCoordinator>[0] = {},
  maxPlayers?: number,
): Promise<Town> {
  const town = await openCoordinator(limits);
  await join(town, hello('arena', { maxPlayers }));
  const gate = await TestProxy.join(town, 'gate', { commands: ['transfer_player'] });
  const refs = [];
  for (let number = 0; number < players; number++) {
    const facts = player(number);
    refs.push({ playerId: facts.xuid, generation: await gate.bring(facts) });
  }
  return { town, gate, refs };
}

/** Moves players, and collects the updates. */
function move(
  { town, refs }: Town,
  options: Partial<MoveOptions> = {},
  to = ARENA,
  reservationId = '',
) {
  const updates: MoveUpdate[] = [];
  const reads: (() => void)[] = [];
  const all = { context: NOTHING, timeoutMs: 5000, ...options };
  const goalOf = town.transfers.goalOf(to, reservationId);
  town.transfers.move(refs, goalOf, all, (update, read) => {
    updates.push(update);
    if (update.stage >= TransferStage.ARRIVED) reads.push(read);
  });
  return { updates, reads };
}

/** The commands that have come to a node. */
async function askedOf(stream: TestStream): Promise<number> {
  let asked = 0;
  for (let frames = await stream.pullIfReady(); frames; frames = await stream.pullIfReady()) {
    asked += frames.filter(({ frame }) => frame?.$case === 'commandRequest').length;
  }
  return asked;
}

const reasonsOf = (updates: readonly MoveUpdate[]) =>
  updates.flatMap(({ error }) => error?.reason ?? []);

function request(destination: TransferDestination | undefined, playerId: string) {
  const lookup = { by: { $case: 'id', value: playerId } } as const;
  const target = { place: { $case: 'player', value: lookup } } as const;
  return { ...TransferPlayersRequest.create(), target, destination };
}

describe('transfers of a coordinator', () => {
  it('leave no timer, and free the slot when the player is there', async () => {
    const world = await open(1);
    const { town, gate, refs } = world;
    await settled(10);
    const timers = town.clock.pending;
    const { updates } = move(world);
    await settled(10);
    expect(town.reservations.reservedOn('arena')).to.equal(1);
    const [ref] = refs;
    await gate.stream.next('commandRequest');
    if (ref)
      await gate.report(about(ref.playerId, ref.generation, { $case: 'movedTo', value: 'arena' }));
    await settled(10);
    expect(updates.map(({ stage }) => stage)).to.deep.equal([
      TransferStage.MOVING,
      TransferStage.ARRIVED,
    ]);
    expect(town.reservations.reservedOn('arena')).to.equal(0);
    expect(town.transfers.pending).to.equal(0);
    // The command of the proxy, which never replied, ends by itself.
    town.clock.advance(5000);
    expect(town.clock.pending).to.equal(timers);
  });

  it('have limits, which refuse a request as a whole', async () => {
    const world = await open(3, { limits: { transfers: 5, transferBytes: 20_000 } });
    const { town, refs } = world;
    const thrown = (options: Partial<MoveOptions>, to?: TransferDestination) =>
      thrownBy(KelpieError, () => move(world, options, to)).reason;
    expect(thrown({ context: new Uint8Array(16 * 1024 + 1) })).to.equal('PAYLOAD_TOO_LARGE');
    const none = { place: undefined };
    expect(thrown({}, none)).to.equal('OUT_OF_RANGE');
    const first = move(world, { issuer: 'shop', context: new Uint8Array(10_000) });
    expect(thrown({ issuer: 'shop' }), 'players').to.equal('TRANSFER_LIMIT');
    expect(town.transfers.pending).to.equal(3);
    await settled(10);
    town.clock.advance(5000);
    await settled(10);
    expect(reasonsOf(first.updates)).to.deep.equal(Array.from({ length: 3 }, () => 'TIMED_OUT'));
    expect(thrown({ issuer: 'shop' }), 'ends that nobody read').to.equal('TRANSFER_LIMIT');
    for (const read of first.reads) read();
    for (const read of first.reads) read();
    expect(town.transfers.issuers).to.equal(0);
    const many = Array.from({ length: 10_001 }, () => refs[0] ?? { playerId: '', generation: 0 });
    expect(
      thrownBy(KelpieError, () =>
        town.transfers.move(many, ARENA, { context: NOTHING, timeoutMs: 1 }, () => undefined),
      ).reason,
    ).to.equal('TRANSFER_LIMIT');
  });

  it('give a node a bounded number of commands at once, and the others when it replies', async () => {
    const world = await open(510);
    const { updates } = move(world);
    const asked = await askedOf(world.gate.stream);
    expect(asked).to.equal(500);
    const moving = (): number =>
      updates.filter(({ stage }) => stage === TransferStage.MOVING).length;
    expect(moving()).to.equal(500);
    const [one, two] = world.refs;
    for (const ref of [one, two]) {
      if (ref)
        await world.gate.report(
          about(ref.playerId, ref.generation, { $case: 'movedTo', value: 'arena' }),
        );
    }
    await settled(10);
    expect(moving(), 'an arrival makes room').to.equal(502);
    world.town.clock.advance(5000);
    await settled(50);
    expect(world.town.transfers.pending).to.equal(0);
    expect(world.town.transfers.asked).to.equal(0);
    expect(updates.filter(({ last }) => last)).to.have.length(1);
  });

  it('end with DRAINING before a player may have moved, and with OUTCOME_UNKNOWN after', async () => {
    const asked = await open(1);
    const moving = move(asked);
    await asked.gate.stream.next('commandRequest');
    const waiting = await open(1);
    const held = move(waiting);
    for (const { town } of [asked, waiting]) town.transfers.drain();
    await settled(10);
    expect(reasonsOf(held.updates)).to.deep.equal(['DRAINING']);
    expect(reasonsOf(moving.updates)).to.deep.equal([]);
    expect(thrownBy(KelpieError, () => move(asked)).reason).to.equal('DRAINING');
    asked.town.transfers.close();
    expect(reasonsOf(moving.updates)).to.deep.equal(['OUTCOME_UNKNOWN']);
    await settled(10);
    for (const { town } of [asked, waiting]) expect(town.reservations.pending).to.equal(0);
  });

  it('of players whom a server holds itself go to a public address', async () => {
    const town = await openCoordinator();
    const lobby = await TestProxy.join(town, 'lobby', {
      ...{ role: NodeRole.DOWNSTREAM, commands: ['transfer_player'] },
    });
    await join(town, hello('arena'));
    const publicAddress = { host: 'play.example.org', port: 19_132 };
    const other = await TestProxy.join(town, 'open', { role: NodeRole.DOWNSTREAM, publicAddress });
    const facts = player(1);
    const world = {
      ...{ town, gate: lobby },
      refs: [{ playerId: facts.xuid, generation: await lobby.bring(facts) }],
    };
    const closed = move(world);
    await settled(10);
    expect(reasonsOf(closed.updates)).to.deep.equal(['NO_PUBLIC_ADDRESS']);
    const { updates } = move(world, {}, { place: { $case: 'server', value: 'open' } });
    const { command } = await lobby.stream.next('commandRequest');
    const form = command?.form;
    const asked = form?.$case === 'transferPlayer' ? form.value : undefined;
    expect(asked).to.deep.include({ address: publicAddress, toProxy: 'open', server: '' });
    await other.bring(facts);
    await settled(10);
    expect(updates.at(-1)?.stage).to.equal(TransferStage.ARRIVED);
    expect(town.tickets.pending).to.equal(0);
  });
});

describe('transfers with a reservation', () => {
  const one = { slots: 1, ttlMs: 1000, purpose: '', owner: '', place: { node: 'arena' } };

  it('keep their slot though its time passes, and free it when the player is there', async () => {
    const world = await open(1, {}, 1);
    const { town, gate, refs } = world;
    const { reservations } = town;
    const { id } = await reservations.hold(one);
    const { updates } = move(world, {}, ARENA, id);
    await gate.stream.next('commandRequest');
    town.clock.advance(4000);
    await settled(10);
    expect(reservations.reservedOn('arena')).to.equal(1);
    const full = await rejectionOf(KelpieError, reservations.hold(one));
    expect(full.reason).to.equal('SERVER_FULL');
    const [ref] = refs;
    if (ref)
      await gate.report(about(ref.playerId, ref.generation, { $case: 'movedTo', value: 'arena' }));
    await settled(10);
    expect(updates.at(-1)?.stage).to.equal(TransferStage.ARRIVED);
    expect(reservations.pending).to.equal(0);
  });

  it('use one slot for each player; the players beyond get SERVER_FULL', async () => {
    const world = await open(5);
    const { town } = world;
    const { id } = await town.reservations.hold({ ...one, slots: 3 });
    const { updates } = move(world, {}, ARENA, id);
    await settled(10);
    expect(reasonsOf(updates)).to.deep.equal(['SERVER_FULL', 'SERVER_FULL']);
    expect(updates.find(({ error }) => error)?.error?.message).to.contain('had 3 slots on "arena"');
    expect(town.reservations.reservedOn('arena')).to.equal(3);
    expect(thrownBy(KelpieError, () => move(world, {}, ARENA, id)).reason).to.equal(
      'RESERVATION_NOT_FOUND',
    );
    town.clock.advance(5000);
    await settled(10);
    expect(reasonsOf(updates).slice(2)).to.deep.equal(['TIMED_OUT', 'TIMED_OUT', 'TIMED_OUT']);
    expect(town.reservations.pending).to.equal(0);
  });

  it('name its node as their destination', async () => {
    const world = await open(1);
    const { town } = world;
    const publicAddress = { host: 'play.example.org', port: 19_132 };
    await TestProxy.join(town, 'gate-2', { publicAddress });
    await join(town, hello('duel'));
    const { id } = await town.reservations.hold({ ...one, slots: 9 });
    const proxy = (name: string, server: string): TransferDestination => ({
      place: { $case: 'proxy', value: { name, server } },
    });
    const others: [TransferDestination, RegExp][] = [
      [{ place: { $case: 'server', value: 'DUEL' } }, /is "duel", .* slots on "arena"/],
      [proxy('gate-2', ''), /is "gate-2", .* slots on "arena"/],
      [proxy('gate-2', 'duel'), /is "gate-2" and "duel", .* slots on "arena"/],
      [{ place: { $case: 'servers', value: ServerSelection.create() } }, /slots on "arena"/],
      [proxy('', ''), /names no node/],
    ];
    for (const [to, text] of others) {
      const error = thrownBy(KelpieError, () => move(world, {}, to, id));
      expect([error.reason, error.metadata['field']]).to.deep.equal([
        'OUT_OF_RANGE',
        'destination',
      ]);
      expect(error.message).to.match(text);
    }
    for (const unknown of ['nothing', 'x'.repeat(5000)]) {
      const error = thrownBy(KelpieError, () => move(world, {}, ARENA, unknown));
      expect(error.reason).to.equal('RESERVATION_NOT_FOUND');
    }
    const { updates } = move(world, {}, proxy('Gate-2', 'Arena'), id);
    await settled(10);
    const reservedOn = (name: string): number => town.reservations.reservedOn(name);
    expect([reservedOn('gate-2'), reservedOn('arena')], 'one slot on each').to.deep.equal([1, 9]);
    town.clock.advance(999);
    await town.reservations.release(id, 8);
    town.clock.advance(5000);
    await settled(10);
    expect(reasonsOf(updates)).to.deep.equal(['TIMED_OUT']);
    expect(town.reservations.pending).to.equal(0);
  });
});

describe('transfers of a session', () => {
  it('answer under the request_id, which must be free, and go on when the stream ends', async () => {
    const { town, gate, refs } = await open(2);
    const { stream } = await join(town, hello('shop', { role: NodeRole.SERVICE }));
    const [first, second] = refs.map(({ playerId }) => playerId);
    const send = (requestId: number, value: TransferPlayersRequest): void =>
      stream.send({ requestId, frame: { $case: 'transferPlayers', value } });
    const failed = async () => (await stream.next('requestFailed')).error?.reason;
    send(0, request(ARENA, first ?? ''));
    expect(await failed()).to.equal(ErrorReason.OUT_OF_RANGE);
    send(1, request(ARENA, 'nobody'));
    expect(await failed()).to.equal(ErrorReason.PLAYER_NOT_FOUND);
    send(1, request(undefined, first ?? ''));
    expect(await failed()).to.equal(ErrorReason.OUT_OF_RANGE);
    send(1, { ...request(ARENA, first ?? ''), reservationId: 'r-1' });
    expect(await failed()).to.equal(ErrorReason.RESERVATION_NOT_FOUND);
    for (const ms of [0, 300_001]) {
      send(1, { ...request(ARENA, first ?? ''), timeout: durationOf(ms) });
      expect(await failed(), `${ms} ms`).to.equal(ErrorReason.DEADLINE_INVALID);
    }
    send(7, request(ARENA, first ?? ''));
    send(7, request(ARENA, second ?? ''));
    expect(await failed()).to.equal(ErrorReason.OUT_OF_RANGE);
    expect((await stream.next('transferUpdate')).stage).to.equal(TransferStage.MOVING);
    await stream.cut();
    await gate.stream.next('commandRequest');
    const [ref] = refs;
    expect(town.transfers.pending).to.equal(1);
    if (ref)
      await gate.report(about(ref.playerId, ref.generation, { $case: 'movedTo', value: 'arena' }));
    await settled(10);
    expect([town.transfers.pending, town.transfers.issuers]).to.deep.equal([0, 0]);
  });
});
