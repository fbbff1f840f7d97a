/** A ticket reaches the login that it is for, once, and ends with every other login, its time and its proxy. */
import { expect } from 'chai';
import { TransferTicket } from '../../../gen/ts/kelpie/v1/presence.js';
import { GoodbyeReason } from '../../../gen/ts/kelpie/v1/session_service.js';
import { DuplicatePolicy, type Player } from '../../../gen/ts/kelpie/v1/player.js';
import { ErrorReason } from '../../../gen/ts/kelpie/v1/error.js';
import { KelpieError } from '../../../server/core/errors.js';
import type { NewTicket } from '../../../server/players/tickets.js';
import { settled } from '../../support/journal/history.js';
import { LossyJournal } from '../../support/journal/lossy-journal.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import {
  type ModelOptions,
  openCoordinator,
  openJournal,
  openMortal,
  type TestCoordinator,
  type TestStream,
} from '../../support/model/coordinator.js';
import { joined, player, quit, steve, TestProxy } from '../../support/model/proxy.js';
import { rejectionOf } from '../../support/thrown.js';

const { DENY_NEW, KICK_OLD, VERIFY_OLD } = DuplicatePolicy;
const uuid = '0a1b2c3d-0000-4000-8000-00000000000f';
const alex = steve({ uuid });
const goal = TransferTicket.create({
  server: 'arena',
  context: Buffer.from('spawn 7'),
  transferId: 'transfer-1',
  fromServer: 'lobby',
});

type Town = Pick<TestCoordinator, 'tickets'>;

/** Issues a ticket to `gate-2` for a player who is online. */
function ticketFor({ tickets }: Town, generation: number, more: Partial<NewTicket> = {}) {
  const { xuid: playerId } = alex;
  return tickets.issue({
    ...{ playerId, generation, ticket: goal, proxy: 'gate-2', ttlMs: 30_000 },
    ...more,
  });
}

async function openTown(options?: ModelOptions) {
  const town = await openCoordinator(options);
  const from = await TestProxy.join(town, 'gate-1');
  const to = await TestProxy.join(town, 'gate-2');
  return { town, from, to };
}

/** The frames that have come to a node. */
async function framesOf(stream: TestStream): Promise<unknown[]> {
  const names: unknown[] = [];
  for (let frames = await stream.pullIfReady(); frames; frames = await stream.pullIfReady()) {
    names.push(...frames.map(({ frame }) => frame?.$case));
  }
  return names;
}

const none = (town: Town) => expect(town.tickets.pending).to.equal(0);

describe('a ticket', () => {
  const logins: [string, Player][] = [
    ['under the same id', alex],
    ['without a UUID', steve()],
    ['under the UUID alone', steve({ xuid: '', uuid: uuid.toUpperCase() })],
    ['under another XUID with the same UUID', steve({ xuid: '7', uuid })],
  ];
  for (const [how, login] of logins) {
    it(`comes with the grant of the proxy that it names (${how}), once`, async () => {
      const { town, from, to } = await openTown();
      const generation = await from.bring(alex);
      await ticketFor(town, generation);
      await from.report(quit(alex.xuid, generation));
      expect((await to.login(login)).ticket).to.deep.equal(goal);
      none(town);
      expect((await from.login(login)).ticket).to.equal(undefined);
      expect((await to.login(login)).ticket).to.equal(undefined);
    });
  }

  it('comes while the former proxy still holds the player, and takes them over', async () => {
    const { town, from, to } = await openTown();
    await ticketFor(town, await from.bring(alex));
    const login = to.login(alex);
    await settled();
    town.clock.advance(5000);
    expect((await login).ticket).to.deep.equal(goal);
  });

  for (const [name, policy] of Object.entries({ DENY_NEW, KICK_OLD, VERIFY_OLD })) {
    it(`takes the player over by ${name} too, and the former proxy loses only its own login`, async () => {
      const { town, to } = await openTown();
      const from = await TestProxy.join(town, 'gate-3', { commands: ['verify_player'] });
      const before = await from.bring(alex);
      await ticketFor(town, before);
      const login = await to.login(alex, policy);
      expect(login.ticket).to.deep.equal(goal);
      const generation = login.outcome?.$case === 'generation' ? login.outcome.value : 0;
      await to.report(joined(alex, generation));
      const evicted = await from.stream.next('playerEvicted');
      expect(evicted).to.include({ playerId: alex.xuid, generation: before });
      await from.report(quit(alex.xuid, before));
      expect(town.playerRows.onlineOf(alex.xuid)).to.include({ proxy: 'gate-2', generation });
      expect(town.commands.pending, 'nobody asked the former proxy').to.equal(0);
      expect((await framesOf(to.stream)).includes('playerEvicted')).to.equal(false);
    });
  }

  it('takes the player over from no other presence', async () => {
    const { town, from, to } = await openTown();
    const other = await TestProxy.join(town, 'gate-3', { commands: ['verify_player'] });
    await ticketFor(town, await from.bring(alex));
    const second = '0a1b2c3d-0000-4000-8000-000000000010';
    await other.bring(steve({ xuid: '7', uuid: second }));
    // The login is of both persons, by its XUID and by its UUID.
    const denied = await to.login(steve({ uuid: second }), DENY_NEW);
    expect(denied.outcome?.value).to.include({ proxy: 'gate-3' });
    expect((await to.login(alex, DENY_NEW)).ticket).to.deep.equal(goal);
  });

  it('ends with a login at another proxy, and gives nobody anything', async () => {
    const { town, from, to } = await openTown();
    await ticketFor(town, await from.bring(alex));
    expect((await from.login(alex)).ticket).to.equal(undefined);
    none(town);
    expect((await to.login(alex)).ticket).to.equal(undefined);
  });

  it('ends with a join without a grant, and with a list, also at its own proxy', async () => {
    const { town, from, to } = await openTown();
    await ticketFor(town, await from.bring(alex));
    const [{ generation } = { generation: 0 }] = await to.report(joined(alex));
    none(town);
    expect(town.playerRows.get(alex.xuid)?.ticket).to.equal(undefined);
    await ticketFor(town, generation);
    await from.sync([alex], 0);
    none(town);
  });

  it('is given again to the same process that asks again, until the player has joined', async () => {
    const { town, from, to } = await openTown();
    const generation = await from.bring(alex);
    await ticketFor(town, generation);
    await from.report(quit(alex.xuid, generation));
    await to.login(alex);
    const again = await to.login(alex);
    expect(again.ticket).to.deep.equal(goal);
    const granted = again.outcome?.$case === 'generation' ? again.outcome.value : 0;
    await to.report(joined(alex, granted));
    expect((await to.login(alex)).ticket).to.equal(undefined);
  });

  it('is in the answer of one of two logins at once', async () => {
    const { town, from, to } = await openTown();
    const generation = await from.bring(alex);
    await ticketFor(town, generation);
    await from.report(quit(alex.xuid, generation));
    const answers = await Promise.all([to.login(alex), from.login(alex)]);
    const tickets = answers.filter(({ ticket }) => ticket);
    expect(tickets.length).to.be.at.most(1);
    none(town);
  });

  it('ends with its time, by the clock of this coordinator', async () => {
    const { town, from } = await openTown();
    await ticketFor(town, await from.bring(alex));
    town.clock.advance(29_999);
    await settled();
    expect(town.tickets.pending).to.equal(2);
    town.clock.advance(1);
    await settled();
    none(town);
  });

  it('ends when its transfer fails, and not when a newer one has replaced it', async () => {
    const { town, from } = await openTown();
    const generation = await from.bring(alex);
    const first = await ticketFor(town, generation);
    const second = await ticketFor(town, generation);
    await town.tickets.revoke(alex.xuid, first);
    expect(town.tickets.pending).to.equal(2);
    await town.tickets.revoke(alex.xuid, second);
    none(town);
    await town.tickets.revoke(alex.xuid, second);
  });
});

describe('a ticket and its proxy', () => {
  it('end together, and a newer process of the name gets nothing', async () => {
    const { town, from, to } = await openTown();
    const generation = await from.bring(alex);
    await ticketFor(town, generation);
    to.stream.send({ $case: 'goodbye', value: { reason: GoodbyeReason.STOP } });
    await to.stream.ended();
    none(town);
    expect((await rejectionOf(KelpieError, ticketFor(town, generation))).reason).to.equal(
      'TARGET_LOST',
    );
    const next = await TestProxy.join(town, 'gate-2');
    expect((await next.login(alex)).ticket).to.equal(undefined);
  });

  it('end together, however many there are', async () => {
    const { town, from, to } = await openTown();
    const frame = (first: number) =>
      Array.from({ length: 256 }, (_, index) => joined(player(first + index)));
    for (let first = 0; first < 1280; first += 256) await from.report(...frame(first));
    const issued = [...town.playerRows.entries()].map(([playerId, { generation }]) =>
      ticketFor(town, generation, { playerId }),
    );
    await Promise.all(issued);
    expect(town.tickets.pending).to.equal(2 * 1280);
    to.stream.send({ $case: 'goodbye', value: { reason: GoodbyeReason.STOP } });
    await to.stream.ended();
    none(town);
  });
});

describe('a ticket and what fails around it', () => {
  it('reaches the process whose stream broke between the grant and its answer', async () => {
    const { town, from } = await openTown();
    const process = { instanceId: Buffer.alloc(16, 7) };
    const first = await TestProxy.join(town, 'gate-3', process);
    await ticketFor(town, await from.bring(alex), { proxy: 'gate-3' });
    first.stream.send({ $case: 'acquirePlayer', value: { player: alex, policy: KICK_OLD } });
    // The coordinator has stored the grant, and the proxy has not read its answer.
    await settled(20);
    expect(town.playerRows.get(alex.xuid)?.proxy).to.equal('gate-3');
    await first.stream.cut();
    const second = await TestProxy.join(town, 'gate-3', process);
    expect((await second.login(alex)).ticket).to.deep.equal(goal);
    none(town);
  });

  it('outlives the coordinator, and its time begins anew', async () => {
    const clock = new FakeClock();
    const journal = openJournal(clock);
    const [one, two] = [Buffer.alloc(16, 1), Buffer.alloc(16, 2)];
    const first = await openMortal(journal, clock);
    const from = await TestProxy.join(first, 'gate-1', { instanceId: one });
    await TestProxy.join(first, 'gate-2', { instanceId: two });
    await ticketFor(first, await from.bring(alex));
    clock.advance(20_000);
    first.die();
    const second = await openMortal(journal, clock);
    clock.advance(10_000);
    await settled();
    const to = await TestProxy.join(second, 'gate-2', { instanceId: two });
    expect((await to.login(alex, KICK_OLD)).ticket).to.deep.equal(goal);
    none(second);
    second.die();
    // The grant is stored, and its answer may be lost with the coordinator.
    const third = await openMortal(journal, clock);
    const again = await TestProxy.join(third, 'gate-2', { instanceId: two });
    expect((await again.login(alex)).ticket).to.deep.equal(goal);
  });

  for (const lose of ['before', 'after'] as const) {
    it(`reaches the login that is repeated after an unknown outcome (lost ${lose} the write)`, async () => {
      const clock = new FakeClock();
      const journal = new LossyJournal(clock, { entries: 1000, bytes: 2 ** 20, ageMs: 2 ** 40 });
      const town = await openMortal(journal, clock);
      const from = await TestProxy.join(town, 'gate-1');
      const to = await TestProxy.join(town, 'gate-2');
      await ticketFor(town, await from.bring(alex));
      journal.lose = lose;
      const value = { player: alex, policy: KICK_OLD };
      to.stream.send({ requestId: 7, frame: { $case: 'acquirePlayer', value } });
      const { error } = await to.stream.next('requestFailed');
      expect(error?.reason).to.equal(ErrorReason.OUTCOME_UNKNOWN);
      expect((await to.login(alex, KICK_OLD)).ticket).to.deep.equal(goal);
      none(town);
    });
  }

  it('is not stored for a player who has left or logged in again', async () => {
    const { town, from } = await openTown();
    const generation = await from.bring(alex);
    await from.granted(alex);
    const late = await rejectionOf(KelpieError, ticketFor(town, generation));
    expect(late.reason).to.equal('PLAYER_QUIT');
    const unknown = ticketFor(town, 1, { playerId: '7' });
    expect((await rejectionOf(KelpieError, unknown)).reason).to.equal('PLAYER_QUIT');
    none(town);
  });

  it('is not stored if the player logs in while it is on its way', async () => {
    const clock = new FakeClock();
    let turns = 0;
    const town = await openMortal(openJournal(clock), clock, { turns: () => turns });
    const from = await TestProxy.join(town, 'gate-1');
    const to = await TestProxy.join(town, 'gate-2');
    const generation = await from.bring(alex);
    turns = 3;
    // In both orders, the login that comes second sees what the first one wrote.
    for (const order of ['login', 'ticket']) {
      const login = () => to.login(alex, KICK_OLD);
      const issue = () => ticketFor(town, generation).catch((error: unknown) => error);
      const both = order === 'login' ? [login(), issue()] : [issue(), login()];
      await Promise.all(both);
      none(town);
      await from.login(alex, KICK_OLD);
    }
  });

  it('fails with TRANSFER_LIMIT above the number, or the memory, that a network may have', async () => {
    const limits: [ModelOptions['limits'], number][] = [
      [{ tickets: 2 }, 2],
      [{ ticketBytes: 3 * 17_000 }, 3],
    ];
    for (const [limit, fit] of limits) {
      const { town, from } = await openTown({ limits: limit ?? {} });
      const ticket = { ...goal, context: Buffer.alloc(16 * 1024) };
      const issued: Promise<number>[] = [];
      for (let number = 0; number <= fit; number++) {
        const { xuid: playerId } = player(number);
        const generation = await from.bring(player(number));
        issued.push(ticketFor(town, generation, { playerId, ticket }));
      }
      const outcomes = await Promise.allSettled(issued);
      const refused = outcomes.flatMap((one) =>
        one.status === 'rejected' ? [one.reason as unknown] : [],
      );
      expect(refused).to.have.length(1);
      expect(refused[0]).to.include({ reason: 'TRANSFER_LIMIT', retryAfterMs: 1000 });
      expect(town.tickets.pending).to.equal(2 * fit);
    }
  });
});
