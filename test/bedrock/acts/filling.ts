/** The act in which more players want to a game than it takes. */
import assert from 'node:assert/strict';
import type { Bot } from '../bots.js';
import { areListed, play, refusedBy, type Stage } from './stage.js';

const WAITING = 5;
/** How often a player must be refused after the free place is taken. */
const REFUSALS = 2;
const ROOM_FOR_ALL = 50;

export async function fill(stage: Stage): Promise<void> {
  const { network, party, narrator } = stage;
  narrator.act('Five players wait for one place');
  const size = party.on('bedwars').length;
  const newsSince = network.watch.news.mark;
  narrator.does(`bedwars takes ${size} players, and has them`);
  await setMaxPlayers(stage, size);
  const waiting = party.on('lobby').slice(0, WAITING);
  await refuse(stage, waiting);
  const lucky = await take(stage, waiting);
  await narrator.expect('bedwars never had more players than it takes', () => {
    assert.equal(party.on('bedwars').length, size, party.counts());
    assert.equal(network.watch.mostOn('bedwars', newsSince), size);
  });
  narrator.does('bedwars takes more players');
  await narrator.expect('the others get in', async () => {
    const others = waiting.filter((bot) => bot !== lucky);
    const came = others.map((bot) => bot.waitForServer('bedwars', bot.seen.mark));
    await setMaxPlayers(stage, ROOM_FOR_ALL);
    await Promise.all(came);
  });
  await areListed(stage);
}

/** A player who does not wait is refused. The players of the queue are refused too, and wait. */
async function refuse({ narrator }: Stage, waiting: readonly Bot[]): Promise<void> {
  const [first] = waiting;
  assert.ok(first && waiting.length === WAITING, 'the lobby has too few players');
  await narrator.expect(
    `${first.name} types /play bedwars, and stays in the lobby`,
    () => refusedBy('bedwars', first),
    (message) => message,
  );
  await narrator.expect(
    'five players type /queue bedwars: their plugin reserves a place for each, and tries again',
    () =>
      Promise.all(
        waiting.map((bot) => {
          const since = bot.seen.mark;
          bot.type('/queue bedwars');
          return isRefused(bot, since);
        }),
      ),
    () => waiting.map(({ name }) => name).join(', '),
  );
}

/** One player leaves the game. Resolves with the player of the queue who got in. */
async function take({ party, narrator }: Stage, waiting: readonly Bot[]): Promise<Bot> {
  const leaver = party.one('bedwars');
  const marks = new Map(waiting.map((bot) => [bot, bot.seen.mark]));
  narrator.does(`${leaver.name} goes to the lobby: one place is free`);
  await play([leaver], 'lobby');
  return narrator.expect(
    'one of the five gets in, and the others wait on in the lobby',
    async () => {
      const arrivals = [...marks].map(async ([bot, since]) => {
        await bot.waitForServer('bedwars', since);
        return bot;
      });
      // The others get in later, or their wait ends with the demo.
      for (const arrival of arrivals) arrival.catch(() => undefined);
      const lucky = await Promise.race(arrivals);
      const others = waiting.filter((bot) => bot !== lucky);
      for (let times = 0; times < REFUSALS; times += 1) {
        await Promise.all(others.map((bot) => isRefused(bot, bot.seen.mark)));
      }
      assert.ok(others.every(({ server }) => server === 'lobby'));
      return lucky;
    },
    ({ name }) => name,
  );
}

async function isRefused(bot: Bot, since: number): Promise<void> {
  await bot.waitForText(({ message }) => message === 'bedwars is full. You wait on.', since);
}

async function setMaxPlayers({ network }: Stage, maxPlayers: number): Promise<void> {
  await network.ask((api) => api.nodes.update('bedwars', { maxPlayers }));
}
