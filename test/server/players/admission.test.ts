/** The limits on players, checked when a proxy sends a login, a report or a list. */
import { expect } from 'chai';
import { ErrorReason } from '../../../gen/ts/kelpie/v1/error.js';
import type { Player } from '../../../gen/ts/kelpie/v1/player.js';
import type { NodeFrame } from '../../../gen/ts/kelpie/v1/session_service.js';
import { openCoordinator, type TestCoordinator } from '../../support/model/coordinator.js';
import { joined, player, quit, steve, TestProxy } from '../../support/model/proxy.js';

const login = (said: Player): NonNullable<NodeFrame['frame']> => ({
  $case: 'acquirePlayer',
  value: { player: said, policy: 0 },
});

/** Sends frames in one message, and counts the answers by kind. */
async function answers(proxy: TestProxy, frames: readonly NonNullable<NodeFrame['frame']>[]) {
  proxy.stream.send(...frames);
  const counts: Record<string, number> = {};
  for (let left = frames.length; left > 0;) {
    for (const { frame } of (await proxy.stream.pull()) ?? []) {
      const error = frame?.$case === 'requestFailed' ? frame.value.error : undefined;
      const name = error ? nameOf(error.reason) : (frame?.$case ?? '');
      counts[name] = (counts[name] ?? 0) + 1;
      left -= 1;
    }
  }
  return counts;
}

const nameOf = (reason: number): string =>
  Object.entries(ErrorReason).find(([, number]) => number === reason)?.[0] ?? '?';

const large = (number: number): Player => player(number, { context: new Uint8Array(16 * 1024) });
const many = (count: number, of: (number: number) => Player): Player[] =>
  Array.from({ length: count }, (_, number) => of(number));

const nothingComes = ({ playerWriter }: TestCoordinator): void => {
  expect(playerWriter.admission.pending).to.equal(0);
};

describe('logins of a proxy', () => {
  it('count at once when they are sent together', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1');
    const counts = await answers(proxy, many(1500, player).map(login));
    expect(counts).to.deep.equal({ playerAcquired: 1000, COMMAND_LIMIT: 500 });
    nothingComes(town);
  });

  it('count too while earlier reports are not answered', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1');
    const reports = [joined(player(9999))];
    const report = { $case: 'reportPlayers', value: { reports } } as const;
    const counts = await answers(proxy, [report, ...many(1100, player).map(login)]);
    expect(counts).to.deep.equal({ playersReported: 1, playerAcquired: 1000, COMMAND_LIMIT: 100 });
  });

  it('count by their bytes', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1');
    const counts = await answers(proxy, many(900, large).map(login));
    expect(counts['COMMAND_LIMIT']).to.be.greaterThan(300);
  });

  it('without a join are limited for each proxy', async () => {
    const town = await openCoordinator({ limits: { proxyLogins: 10 }, times: { loginMs: 5000 } });
    const proxy = await TestProxy.join(town, 'gate-1');
    const counts = await answers(proxy, many(25, player).map(login));
    expect(counts).to.deep.equal({ playerAcquired: 10, PLAYER_LIMIT: 15 });
    // A join makes room, and so does a lapse.
    const other = await TestProxy.join(town, 'gate-2');
    expect(await other.granted(player(77))).to.be.greaterThan(0);
    town.clock.advance(5000);
    expect(await proxy.granted(player(78))).to.be.greaterThan(0);
    nothingComes(town);
  });
});

describe('the rows of players', () => {
  const limits = { playerBytes: 200_000, proxyPlayerBytes: 100_000 };

  it('stay within the bytes of a proxy, whichever frame writes them, and within those of the network', async () => {
    const town = await openCoordinator({ limits });
    const names = ['gate-1', 'gate-2', 'gate-3'];
    for (const name of names) {
      const proxy = await TestProxy.join(town, name);
      const base = Number(name.slice(-1)) * 100;
      const own = (number: number): Player => large(base + number);
      const logins = await answers(proxy, many(4, own).map(login));
      const results = await proxy.report(
        ...many(4, (number) => own(10 + number)).map((one) => joined(one)),
      );
      const synced = await proxy.sync(
        many(4, (number) => own(20 + number)),
        0,
      );
      const refused = [...results, ...synced.results].filter(
        ({ error }) => error?.reason === ErrorReason.PLAYER_LIMIT,
      );
      expect(refused.length + (logins['PLAYER_LIMIT'] ?? 0), name).to.be.greaterThan(5);
      expect(town.playerRows.index.bytesOf(name)).to.be.at.most(100_000);
    }
    expect(town.playerRows.index.bytes).to.be.within(150_000, 200_000);
    nothingComes(town);
  });

  it('are not changed beyond these bytes: such a change is refused', async () => {
    const town = await openCoordinator({ limits: { proxyPlayerBytes: 20_000 } });
    const proxy = await TestProxy.join(town, 'gate-1');
    const generation = await proxy.bring(player(1));
    await proxy.bring(large(2));
    const what = { $case: 'joined', value: large(1) } as const;
    const [grown] = await proxy.report({ playerId: '1001', generation, what });
    expect(grown?.error?.reason).to.equal(ErrorReason.PLAYER_LIMIT);
    expect(grown?.generation).to.equal(generation);
    const [left] = await proxy.report(quit('1001', generation));
    expect(left?.error).to.equal(undefined);
  });

  it('are counted when players join and leave', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1');
    const generation = await proxy.bring(steve());
    const { index } = town.playerRows;
    expect(index.bytesOf('gate-1')).to.equal(index.bytes).and.to.be.greaterThan(50);
    await proxy.report(quit(steve().xuid, generation));
    expect([index.bytes, index.bytesOf('gate-1'), index.sharedUuids.size]).to.deep.equal([0, 0, 0]);
  });
});
