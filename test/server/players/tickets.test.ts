/** A ticket reaches the login that it is for, once, and ends with every other login, its time and its proxy. */
import { expect } from 'chai';
import { TransferTicket } from '../../../gen/ts/kelpie/v1/presence.js';
import { GoodbyeReason } from '../../../gen/ts/kelpie/v1/session_service.js';
import { type Player } from '../../../gen/ts/kelpie/v1/player.js';
import { KelpieError } from '../../../server/core/errors.js';
import type { NewTicket } from '../../../server/players/tickets.js';
import { settled } from '../../support/journal/history.js';
import {
  type ModelOptions,
  openCoordinator,
  type TestCoordinator,
} from '../../support/model/coordinator.js';
import { joined, player, quit, steve, TestProxy } from '../../support/model/proxy.js';
import { rejectionOf } from '../../support/thrown.js';

const uuid = '0a1b2c3d-0000-4000-8000-00000000000f';
const alex = steve({ uuid });
const goal = TransferTicket.create({
  server: 'arena',
  context: Buffer.from('spawn 7'),
  transferId: 'transfer-1',
  fromServer: 'lobby',
});

type Town = Pick<TestCoordinator, 'tickets' | 'playerRows'>;

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
    for (let first = 0; first < 2560; first += 256) await from.report(...frame(first));
    const issued = [...town.playerRows.entries()].map(([playerId, { generation }]) =>
      ticketFor(town, generation, { playerId }),
    );
    await Promise.all(issued);
    expect(town.tickets.pending).to.equal(2 * 2560);
    to.stream.send({ $case: 'goodbye', value: { reason: GoodbyeReason.STOP } });
    await to.stream.ended();
    none(town);
  });
});
