/** The acts in which the network works well. The acts of losses are in losses.ts. */
import assert from 'node:assert/strict';
import { loseCoordinator, loseProxy, loseServer } from './losses.js';
import { PROXIES, SERVERS } from './network.js';
import { allSaw, answers, areListed, hears, type Stage, Unbroken } from './stage.js';

const NAMES =
  'Ana Ben Cleo Dan Eve Fay Gus Hal Ida Jon Kim Leo Mia Ned Oda Pia Quin Rob Sue Tom'.split(' ');

export const acts = [gather, talk, guardTheDoor, loseServer, loseProxy, loseCoordinator, goHome];

async function gather(stage: Stage): Promise<void> {
  const { network, party, narrator } = stage;
  narrator.act(1, 'Two proxies, three servers, twenty players');
  await narrator.expect(
    'the coordinator listens',
    async () => {
      await network.startCoordinator();
      await network.startWatch();
    },
    () => network.endpoint,
  );
  await narrator.expect('servers and proxies join, and both proxies list all servers', async () => {
    await Promise.all([...SERVERS, ...PROXIES].map((name) => network.start(name)));
    await network.proxiesKnow(SERVERS);
  });
  await narrator.expect(
    'twenty players join, on each proxy and each server',
    async () => {
      await party.join(...NAMES);
      for (const proxy of PROXIES) assert.equal(party.by(proxy).length, 10, party.counts());
      for (const server of SERVERS) assert.ok(party.on(server).length >= 5, party.counts());
    },
    () => party.counts(),
  );
  await areListed(stage);
  await narrator.expect('the counts of each node are the same', async () => {
    const { network: all, nodes } = await network.ask((api) => api.players.countPlayers({}));
    const counts = nodes.map(({ name, players }) => [name, players]).sort();
    const expected = [
      ...SERVERS.map((server) => [server, party.on(server).length]),
      ...PROXIES.map((proxy) => [proxy, party.by(proxy).length]),
    ];
    assert.deepEqual([all, counts], [NAMES.length, expected.sort()]);
  });
}

async function talk(stage: Stage): Promise<void> {
  const { party, narrator } = stage;
  narrator.act(2, 'Words, a toast and a title');
  const [one, other] = [party.one('north', 'gate-1'), party.one('south', 'gate-2')];
  await hears(stage, one, other, 'is anybody there?');
  await hears(stage, other, one, 'loud and clear!');
  await narrator.expect('all twenty saw both lines, each exactly once', async () => {
    await allSaw(party.bots, 'is anybody there?');
    await allSaw(party.bots, 'loud and clear!');
  });
  const names = party.on('south').map(({ name }) => name);
  const answer = `On south: ${names.sort().join(', ')}`;
  await answers(stage, { bot: one, about: 'south', answer });
  await showThings(stage);
}

async function showThings({ network, party, narrator }: Stage): Promise<void> {
  const toast = { title: 'Lunch', message: 'is on the house' };
  const title = { title: 'The fair', subtitle: 'has begun' };
  narrator.does('a plugin shows a toast to south, then a title to everyone');
  const shown = await network.ask(async (api) => {
    const first = await api.players.showMessage({
      target: { place: { $case: 'server', value: 'south' } },
      display: { form: { $case: 'toast', value: toast } },
    });
    const second = await api.players.showMessage({
      target: { place: { $case: 'everyone', value: {} } },
      display: { form: { $case: 'title', value: title } },
    });
    return [first, second].map(({ succeeded, failed }) => ({ succeeded, failed }));
  });
  await narrator.expect('all twenty see the title and its small line, once', async () => {
    assert.deepEqual(shown[1], { succeeded: NAMES.length, failed: 0 });
    for (const line of ['set_subtitle has begun', 'set_title The fair']) {
      await Promise.all(party.bots.map((bot) => bot.waitForShown(line)));
      for (const bot of party.bots) assert.equal(bot.countShown(line), 1, bot.name);
    }
  });
  // The title came after the toast on the same connection, so a bot that saw the title has got its toast.
  await narrator.expect("south's players have seen the toast, once, and nobody else has", () => {
    assert.deepEqual(shown[0], { succeeded: party.on('south').length, failed: 0 });
    for (const bot of party.bots) {
      const times = bot.server === 'south' ? 1 : 0;
      assert.equal(bot.countShown('toast Lunch: is on the house'), times, bot.name);
    }
  });
}

async function guardTheDoor(stage: Stage): Promise<void> {
  stage.narrator.act(3, 'A kick, and one account on both proxies');
  await kick(stage);
  await logInTwice(stage);
  await areListed(stage);
}

async function kick({ network, party, narrator }: Stage): Promise<void> {
  const rude = party.one('north', 'gate-1');
  const others = party.bots.filter((bot) => bot !== rude);
  const unbroken = new Unbroken(others);
  const since = rude.seen.mark;
  const newsSince = network.watch.news.mark;
  const message = 'Mind your language.';
  narrator.does(`an operator kicks ${rude.name}`);
  await network.ask((api) =>
    api.players.kickPlayers({
      target: {
        place: { $case: 'player', value: { by: { $case: 'name', value: rude.name } } },
      },
      message,
    }),
  );
  await narrator.expect(
    `the client of ${rude.name} shows the reason`,
    async () => assert.equal(await rude.waitForDisconnect(since), message),
    () => message,
  );
  await narrator.expect('all nodes receive the event that the player left: KICKED', async () => {
    await network.watch.hears(`${rude.name} left: KICKED`, newsSince);
    assert.equal(network.watch.leavesSince(newsSince).length, 1);
  });
  await narrator.expect('all other players stay', async () => {
    party.one('south').say('what did they say?');
    await allSaw(others, 'what did they say?');
    unbroken.check();
  });
  await party.rejoin([rude]);
}

async function logInTwice({ network, party, narrator }: Stage): Promise<void> {
  const old = party.one('north', 'gate-1');
  const { name } = old;
  const unbroken = new Unbroken(party.bots.filter((bot) => bot !== old));
  const [since, newsSince] = [old.seen.mark, network.watch.news.mark];
  narrator.does(`${name} logs in again, at gate-2, where the newer login wins`);
  const twin = await party.joinBy('gate-2', name);
  await narrator.expect(
    'the older client shows the reason, and the newer one plays',
    async () => {
      const text = await old.waitForDisconnect(since);
      assert.match(text, /another place/);
      await network.watch.hears(`${name} left: REPLACED`, newsSince);
      return text;
    },
    (text) => text,
  );
  old.leave();
  const twinUnbroken = new Unbroken([twin]);
  narrator.does(`${name} logs in once more, at gate-1, which asks whether the older one is there`);
  await narrator.expect(
    'the newer client shows the refusal, and the older one plays on',
    async () => {
      const text = await party.refusal('gate-1', name);
      assert.match(text, /already on this network/);
      const words = 'there can be only one';
      twin.say(words);
      await allSaw(party.bots, words);
      twinUnbroken.check();
      unbroken.check();
      return text;
    },
    (text) => text,
  );
}

async function goHome({ network, party, narrator }: Stage): Promise<void> {
  narrator.act(7, 'Lights out');
  party.leave(...party.bots);
  await narrator.expect('all processes end on SIGTERM with the code 0', async () => {
    const children = [...network.proxies, ...network.servers];
    const ends = await Promise.all(children.map((child) => child.stop('SIGTERM')));
    await network.watch.close();
    ends.push(await network.coordinator.stop('SIGTERM'));
    assert.ok(
      ends.every((end) => end === 0),
      `the exit codes: ${ends.join(', ')}`,
    );
  });
}
