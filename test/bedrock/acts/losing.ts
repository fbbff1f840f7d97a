/** The acts in which a part of the network is lost and comes back. */
import assert from 'node:assert/strict';
import { GRACE_SECONDS, type Network, SERVERS } from '../network.js';
import {
  allSaw,
  answers,
  areListed,
  arrivals,
  hears,
  listed,
  play,
  type Stage,
  Unbroken,
} from './stage.js';
import { Talk } from '../talk.js';

export async function loseServer(stage: Stage): Promise<void> {
  const { network, party, narrator } = stage;
  narrator.act('A server closes and comes back');
  const guests = party.on('survival').map((bot) => ({ bot, since: bot.seen.mark }));
  const others = new Unbroken(party.bots.filter((bot) => bot.server !== 'survival'));
  narrator.does('SIGTERM to survival');
  const closed = network.node('survival').stop('SIGTERM');
  await narrator.expect(
    "the clients of survival's players show that survival closes",
    async () => {
      const messages = guests.map(({ bot, since }) => bot.waitForDisconnect(since));
      for (const message of await Promise.all(messages))
        assert.match(message, /survival is closing/);
    },
    () => guests.map(({ bot }) => bot.name).join(', '),
  );
  await narrator.expect('survival ends with the code 0, and both proxies remove it', async () => {
    assert.equal(await closed, 0, 'its exit code');
    await network.proxiesKnow(['bedwars', 'lobby']);
  });
  narrator.does('survival starts again');
  await narrator.expect('both proxies list survival again', async () => {
    await network.start('survival');
    await network.proxiesKnow(SERVERS);
  });
  const bot = party.one('lobby');
  await answers(stage, { bot, about: 'survival', answer: 'Nobody is on survival.' });
  const bots = guests.map((guest) => guest.bot);
  await narrator.expect('its players come back to the lobby, and go on to survival', async () => {
    await party.rejoin(bots);
    assert.ok(bots.every(({ server }) => server === 'lobby'));
    await play(bots, 'survival');
    others.check();
  });
  await areListed(stage);
}

export async function loseGame(stage: Stage): Promise<void> {
  const { network, party, narrator } = stage;
  narrator.act('A game is killed');
  const guests = party.on('bedwars');
  const land = arrivals(network, guests, 'lobby');
  const unbroken = new Unbroken(party.bots);
  narrator.does('SIGKILL to bedwars');
  const killedMs = performance.now();
  await network.node('bedwars').stop('SIGKILL');
  await narrator.expect(
    'its players land in the lobby, by the rule for servers that do not answer',
    async () => {
      await land();
      return performance.now() - killedMs;
    },
    (tookMs) => `${guests.length} players, after ${(tookMs / 1000).toFixed(1)} s`,
  );
  await narrator.expect('nobody lost the connection to the game', () => unbroken.check());
  await areListed(stage);
  narrator.does('bedwars starts again');
  await narrator.expect('they go on to bedwars', async () => {
    await network.start('bedwars');
    await network.proxiesKnow(SERVERS);
    await play(guests, 'bedwars');
  });
}

export async function loseProxy(stage: Stage): Promise<void> {
  const { network, party, narrator } = stage;
  narrator.act('A proxy is killed');
  const lost = party.by('gate-1').map((bot) => ({ bot, since: bot.seen.mark }));
  const rest = party.by('gate-2');
  const unbroken = new Unbroken(rest);
  const sessions = statusMarks(network).filter(({ child }) => child.name !== 'gate-1');
  const since = network.watch.news.mark;
  narrator.does('SIGKILL to gate-1');
  const killedMs = performance.now();
  await network.node('gate-1').stop('SIGKILL');

  await hears(
    stage,
    party.one('lobby', 'gate-2'),
    party.one('survival', 'gate-2'),
    'a gate is down',
  );
  await narrator.expect(
    'its players, and only they, leave: PROXY_LOST',
    async () => {
      const leaves = lost.map(({ bot }) => `${bot.name} left: PROXY_LOST`);
      await Promise.all(leaves.map((line) => network.watch.hears(line, since)));
      const tookMs = performance.now() - killedMs;
      await network.watch.hears('gate-1 left: LOST', since);
      const reported = network.watch.leavesSince(since);
      assert.deepEqual(reported, [...leaves, 'gate-1 left: LOST'].sort());
      return tookMs;
    },
    (tookMs) =>
      `after ${(tookMs / 1000).toFixed(1)} s, with a grace of ${GRACE_SECONDS} s: ${lost.length} players`,
  );
  await narrator.expect('the clients of these players lose their connection', async () => {
    await Promise.all(lost.map(({ bot, since: mark }) => bot.waitForSilentEnd(mark)));
  });
  await narrator.expect(
    "no other player's connection broke, and no other session ended",
    async () => {
      party.one('bedwars', 'gate-2').say('but we still talk');
      await allSaw(rest, 'but we still talk');
      unbroken.check();
      for (const { child, since: mark } of sessions) {
        assert.deepEqual(child.statusesSince(mark), [], `${child.name} lived through`);
      }
    },
  );
  narrator.does('gate-1 starts again');
  await narrator.expect('its players come back', async () => {
    await network.start('gate-1');
    await network.proxiesKnow(SERVERS);
    await party.rejoin(lost.map(({ bot }) => bot));
  });
  await areListed(stage);
}

export async function loseCoordinator(stage: Stage): Promise<void> {
  const { network, party, narrator, time } = stage;
  const signal = time % 2 === 1 ? 'SIGKILL' : 'SIGTERM';
  narrator.act('The coordinator dies in the middle of a talk');
  const witnesses = party.bots;
  const unbroken = new Unbroken(witnesses);
  const marks = statusMarks(network);
  const all = (status: string) =>
    Promise.all(marks.map(({ child, since }) => child.waitForStatus(status, since)));
  const newsSince = network.watch.news.mark;
  const stays = await listed(network);
  const [one, other] = [party.one('lobby'), party.one('survival')];
  const talk = new Talk(one, other);
  await narrator.expect(`${one.name} and ${other.name} talk across, without a pause`, () =>
    talk.flows(),
  );

  narrator.does(`${signal} to the coordinator`);
  const before = talk.lines;
  await network.coordinator().stop(signal);
  await narrator.expect('servers and proxies report the loss', () => all('disconnected'));
  await narrator.expect(
    'Uma joins meanwhile: the roster answers from memory',
    () => party.joinBy('gate-2', 'Uma'),
    ({ server }) => server,
  );
  narrator.does('the coordinator starts again, with the journal that it left');
  await network.startCoordinator();
  const meanwhile = talk.lines - before;
  await narrator.expect('servers and proxies come back by themselves', () => all('connected'));
  await narrator.expect(
    'all players saw every line of the talk, once and in order',
    () => talk.endsWhole(witnesses),
    () => `${talk.lines} lines each, ${meanwhile} of them while no coordinator was there`,
  );
  await narrator.expect('no node received a gap', () => {
    for (const { child, since } of marks) {
      assert.ok(!child.statusesSince(since).includes('gap'), `${child.name} lost something`);
    }
    assert.ok(!network.watch.statuses.since(0).includes('gap'), 'the director lost something');
  });
  await nobodyWasGone(stage, stays, newsSince);
  await narrator.expect('no player lost the connection to the game', () => unbroken.check());
}

/** Checks that the network reported only the new players. */
async function nobodyWasGone(
  stage: Stage,
  stays: Awaited<ReturnType<typeof listed>>,
  newsSince: number,
): Promise<void> {
  const { network, party, narrator } = stage;
  await narrator.expect(
    'Val joins by the other proxy, and both proxies list all players',
    () => party.joinBy('gate-1', 'Val'),
    ({ server }) => server,
  );
  await areListed(stage);
  await narrator.expect('the twenty players have the same join times as before', async () => {
    const now = await listed(network);
    assert.deepEqual(
      now.filter(({ place }) => !isOfNewcomer(place)),
      stays,
    );
  });
  await narrator.expect('no node received an event that a player left or came back', () => {
    const news = network.watch.news.since(newsSince).filter((line) => !isOfNewcomer(line));
    assert.deepEqual(news, []);
    assert.deepEqual(network.watch.leavesSince(newsSince), []);
  });
  await hears(stage, party.one('lobby'), party.one('survival'), 'did you notice anything?');
  await hears(stage, party.one('survival'), party.one('lobby'), 'not a thing');
}

function isOfNewcomer(line: string): boolean {
  return /^(Uma|Val) /.test(line);
}

/** The nodes, and the marks from which on the demo checks their sessions. */
function statusMarks(network: Network) {
  return [...network.servers, ...network.proxies].map((child) => ({
    child,
    since: child.reports.mark,
  }));
}
