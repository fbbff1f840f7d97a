import assert from 'node:assert/strict';
import { connect } from '../../client/index.js';
import type { Bot } from './bots.js';
import type { Narrator } from './narrator.js';
import type { Network, Server } from './network.js';
import type { Party } from './party.js';
import { Talk } from './talk.js';

/** What every act plays with. */
interface Stage {
  network: Network;
  party: Party;
  narrator: Narrator;
  /** How the coordinator is stopped in the last act. */
  coordinatorEnd: 'SIGTERM' | 'SIGKILL';
}

export const acts = [gather, talk, loseServer, loseProxy, loseCoordinator, goHome];

async function gather({ network, party, narrator }: Stage): Promise<void> {
  narrator.act(1, 'Two servers, one proxy, four players');
  await narrator.expect(
    'the coordinator listens',
    () => network.startCoordinator(),
    () => network.endpoint,
  );
  await narrator.expect(
    'north and south register, the proxy finds both in its roster',
    async () => {
      await Promise.all([
        network.startDownstream('north'),
        network.startDownstream('south'),
        network.startProxy(),
      ]);
      await network.proxyKnows(['north', 'south']);
    },
  );
  await narrator.expect(
    'Ana, Ben, Cleo and Dan join and are spread over both',
    async () => {
      await party.join('Ana', 'Ben', 'Cleo', 'Dan');
      assert.equal(party.on('north').length, 2, party.places());
      assert.equal(party.on('south').length, 2, party.places());
    },
    () => party.places(),
  );
}

async function talk({ party, narrator }: Stage): Promise<void> {
  narrator.act(2, 'A word crosses from server to server');
  await hears(narrator, party.one('north'), party.one('south'), 'is anybody there?');
  await hears(narrator, party.one('south'), party.one('north'), 'loud and clear!');
  await narrator.expect('all four saw both lines, each exactly once', async () => {
    for (const words of ['is anybody there?', 'loud and clear!']) {
      for (const bot of party.bots) {
        await bot.waitForText(({ message }) => message === words);
        assert.equal(bot.count(words), 1, `${bot.name} saw it ${bot.count(words)} times`);
      }
    }
  });
}

async function loseServer({ network, party, narrator }: Stage): Promise<void> {
  narrator.act(3, 'A server closes and comes back');
  const guests = party.on('south').map((bot) => ({ bot, since: bot.seen.mark }));
  const since = network.proxy.reports.mark;
  narrator.does('SIGTERM to south');
  const closed = network.downstream('south').stop('SIGTERM');
  await narrator.expect(
    "south's players are told by their own client",
    async () => {
      const told = guests.map(({ bot, since }) => bot.waitForDisconnect(since));
      for (const message of await Promise.all(told)) assert.match(message, /south is closing/);
    },
    () => guests.map(({ bot }) => bot.name).join(', '),
  );
  await narrator.expect('south ends in good order, the proxy forgets it', async () => {
    assert.equal(await closed, 0, 'its exit code');
    await network.proxyKnows(['north'], since);
  });
  await lands(narrator, party, 'Eve', 'north');

  narrator.does('south starts again');
  await narrator.expect('the proxy knows south again', async () => {
    const since = network.proxy.reports.mark;
    await network.startDownstream('south');
    await network.proxyKnows(['north', 'south'], since);
  });
  await lands(narrator, party, guests[0]?.bot.name ?? '', 'south');
  await lands(narrator, party, guests[1]?.bot.name ?? '', 'south');
}

async function loseProxy({ network, party, narrator }: Stage): Promise<void> {
  narrator.act(4, 'The proxy is killed');
  const marks = network.downstreams.map((child) => ({ child, since: child.reports.mark }));
  narrator.does('SIGKILL to the proxy');
  await network.proxy.stop('SIGKILL');

  const nina = await party.joinServer('Nina', network.ports.north);
  const sam = await party.joinServer('Sam', network.ports.south);
  await hears(narrator, nina, sam, 'the gate is down');
  await hears(narrator, sam, nina, 'but we still talk');
  await narrator.expect("no server's session with Kelpie ended", () => {
    for (const { child, since } of marks) {
      assert.deepEqual(child.statusesSince(since), [], `${child.name} lived through`);
    }
  });
  party.leave(nina, sam);

  narrator.does('the proxy starts again');
  await narrator.expect(
    'everybody comes back in',
    async () => {
      await network.startProxy();
      await network.proxyKnows(['north', 'south']);
      await party.rejoin();
    },
    () => party.places(),
  );
  await hears(narrator, party.one('north'), party.one('south'), 'where were we?');
}

async function loseCoordinator(stage: Stage): Promise<void> {
  const { network, party, narrator, coordinatorEnd } = stage;
  narrator.act(5, 'The coordinator dies in the middle of a talk');
  const witnesses = party.bots.map((bot) => ({ bot, since: bot.seen.mark }));
  const marks = [...network.downstreams, network.proxy].map((child) => ({
    child,
    since: child.reports.mark,
  }));
  const all = (status: string) =>
    Promise.all(marks.map(({ child, since }) => child.waitForStatus(status, since)));
  const [one, other] = [party.one('north'), party.one('south')];
  const talk = new Talk(one, other);
  await narrator.expect(`${one.name} and ${other.name} talk across, without a pause`, () =>
    talk.flows(),
  );

  narrator.does(`${coordinatorEnd} to the coordinator`);
  const before = talk.lines;
  await network.coordinator.stop(coordinatorEnd);
  await narrator.expect('servers and proxy notice', () => all('disconnected'));
  await narrator.expect(
    'Fay joins all the same: the roster answers from memory',
    () => party.join('Fay'),
    () => party.places(),
  );

  narrator.does('the coordinator starts again, with the journal that it left');
  await network.startCoordinator();
  const meanwhile = talk.lines - before;
  await narrator.expect('servers and proxy come back by themselves', () => all('connected'));
  await narrator.expect(
    'everybody saw every line of the talk, once and in order',
    () => talk.endsWhole(witnesses.map(({ bot }) => bot)),
    () => `${talk.lines} lines each, ${meanwhile} of them while no coordinator was there`,
  );
  await narrator.expect('nobody was told of a gap', () => {
    for (const { child, since } of marks) {
      assert.ok(!child.statusesSince(since).includes('gap'), `${child.name} lost something`);
    }
  });
  await nobodyWasGone(stage, marks.at(-1)?.since ?? 0);
  await lifeGoesOn(stage);
  await narrator.expect("nobody's connection to the game broke", () => {
    const broken = witnesses.flatMap(({ bot, since }) => bot.brokenSince(since) ?? []);
    assert.deepEqual(broken, [], broken.join(', '));
  });
}

/** The proxy reads what becomes of nodes: of all that, only the newcomer is news. */
async function nobodyWasGone({ network, narrator }: Stage, since: number): Promise<void> {
  await narrator.expect('a newcomer finds all three in its roster', () => newcomerSees(network));
  await narrator.expect(
    'and all that the proxy was told of anybody is that the newcomer came and went',
    async () => {
      const news = await network.proxy.newsUntil('nodeLeft newcomer', since);
      assert.deepEqual(news, ['nodeJoined newcomer', 'nodeLeft newcomer']);
    },
  );
}

async function lifeGoesOn({ party, narrator }: Stage): Promise<void> {
  await hears(narrator, party.one('north'), party.one('south'), 'did you notice anything?');
  await hears(narrator, party.one('south'), party.one('north'), 'not a thing');
  await narrator.expect(
    'Gus and Hal, who are new, join one on each: the proxy knows both',
    async () => {
      const places = (await party.join('Gus', 'Hal')).map((bot) => bot.server);
      assert.deepEqual(places.sort(), ['north', 'south']);
    },
    () => party.places(),
  );
}

/** Unlike the proxy, it has no memory of before: what it sees, the coordinator has kept. */
async function newcomerSees(network: Network): Promise<void> {
  const kelpie = connect({ name: 'newcomer', role: 'BACKEND', endpoints: network.endpoint });
  try {
    await kelpie.ready();
    const names = kelpie.roster.nodes().map((node) => node.name);
    for (const name of ['gate', 'north', 'south']) assert.ok(names.includes(name), names.join());
  } finally {
    await kelpie.close();
  }
}

async function goHome({ network, party, narrator }: Stage): Promise<void> {
  narrator.act(6, 'Lights out');
  party.leave(...party.bots);
  await narrator.expect('everything ends on SIGTERM, in good order', async () => {
    const children = [network.proxy, ...network.downstreams];
    const ends = await Promise.all(children.map((child) => child.stop('SIGTERM')));
    ends.push(await network.coordinator.stop('SIGTERM'));
    assert.deepEqual(ends, [0, 0, 0, 0], `the exit codes: ${ends.join(', ')}`);
  });
}

async function hears(narrator: Narrator, from: Bot, to: Bot, words: string): Promise<void> {
  await narrator.expect(
    `${from.name} says “${words}” on ${from.server}, ${to.name} sees it on ${to.server}`,
    async () => {
      const startMs = performance.now();
      from.say(words);
      const { source_name: source } = await to.waitForText(({ message }) => message === words);
      assert.equal(source, `${from.name}@${from.server}`);
      return performance.now() - startMs;
    },
    (tookMs) => `${tookMs.toFixed(0)} ms`,
  );
}

async function lands(
  narrator: Narrator,
  party: Party,
  name: string,
  server: Server,
): Promise<void> {
  await narrator.expect(`${name} joins and gets to ${server}`, async () => {
    const [bot] = await party.join(name);
    assert.equal(bot?.server, server);
  });
}
