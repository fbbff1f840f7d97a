/** The act in which players move between servers, and to another proxy. */
import assert from 'node:assert/strict';
import type { Bot } from '../bots.js';
import { PROXIES, type ProxyName, type Server } from '../network.js';
import { areListed, arrivals, play, type Stage } from './stage.js';

/** How many of each ten players go to each game. The others stay in the lobby. */
const TO_BEDWARS = 4;
const TO_SURVIVAL = 3;

export async function move(stage: Stage): Promise<void> {
  stage.narrator.act('A plugin moves players to the games');
  await moveToGames(stage);
  const bot = stage.party.one('lobby', 'gate-1');
  await travel(stage, { bot, proxy: 'gate-2', server: 'survival' });
  await areListed(stage);
}

async function moveToGames({ network, party, narrator }: Stage): Promise<void> {
  const tens = PROXIES.map((proxy) => party.by(proxy));
  const builders = tens.flatMap((ten) => ten.slice(0, TO_BEDWARS));
  const settlers = tens.flatMap((ten) => ten.slice(TO_BEDWARS, TO_BEDWARS + TO_SURVIVAL));
  await narrator.expect(
    'players type /play bedwars and /play survival, and each game greets them with their team',
    async () => {
      const moves = [
        arrivals(network, builders, 'bedwars'),
        arrivals(network, settlers, 'survival'),
      ];
      await Promise.all([
        play(builders, 'bedwars', 'Your team is red.'),
        play(settlers, 'survival', 'Your team is blue.'),
      ]);
      await Promise.all(moves.map((move) => move()));
    },
    () => party.counts(),
  );
}

/** A player types /travel, and their client comes to the same server by the other proxy. */
export async function travel(
  { network, narrator }: Stage,
  { bot, proxy, server }: { bot: Bot; proxy: ProxyName; server: Server },
): Promise<void> {
  const { name, seen } = bot;
  const since = seen.mark;
  const newsSince = network.watch.news.mark;
  await narrator.expect(
    `${name} types /travel ${proxy} ${server}, and their client is sent to ${proxy}`,
    async () => {
      bot.type(`/travel ${proxy} ${server} You come by ${proxy}.`);
      assert.equal(await bot.waitForTransfer(since), proxy);
    },
  );
  await narrator.expect(
    `there the first world that they see is ${server}, the server of their ticket`,
    async () => {
      const { message } = await bot.waitForText(
        (text) => text.message.startsWith('Welcome to '),
        since,
      );
      assert.equal(message, `Welcome to ${server}, ${name}! You come by ${proxy}.`);
      await network.watch.hears(`${name} is on ${server}`, newsSince);
      const news = network.watch.news.since(newsSince);
      const places = news.filter((line) => new RegExp(`^${name} (joined|is on) `).test(line));
      assert.deepEqual(places, [`${name} joined ${proxy}`, `${name} is on ${server}`]);
      return message;
    },
    (message) => message,
  );
}
