/** The acts in which an operator updates a game and a proxy, and nobody loses their connection. */
import assert from 'node:assert/strict';
import { startKelpie } from '../../support/process/cli.js';
import { SERVERS } from '../network.js';
import { areListed, arrivals, kelpie, play, refusedBy, type Stage, Unbroken } from './stage.js';

const PLAYERS_PER_SECOND = 3;

export async function drain(stage: Stage): Promise<void> {
  const { network, party, narrator } = stage;
  narrator.act('A game gets an update');
  const bots = party.on('survival');
  const unbroken = new Unbroken(party.bots);
  await empty(stage);
  await areListed(stage);
  narrator.does('survival restarts');
  await narrator.expect(
    'it still takes nobody',
    async () => {
      assert.equal(await network.node('survival').stop('SIGTERM'), 0, 'its exit code');
      await network.start('survival');
      return refusedBy('survival', party.one('lobby'));
    },
    (message) => message,
  );
  narrator.does('kelpie drain survival --cancel');
  await narrator.expect(
    'its players go back, and nobody lost the connection to the game',
    async () => {
      await kelpie(network, 'drain', 'survival', '--cancel');
      await network.proxiesKnow(SERVERS);
      await play(bots, 'survival');
      unbroken.check();
    },
  );
}

async function empty({ network, party, narrator }: Stage): Promise<void> {
  const guests = party.on('survival');
  const land = arrivals(network, guests, 'lobby');
  const leastMs = ((guests.length - 1) / PLAYERS_PER_SECOND) * 1000;
  const command = ['drain', 'survival', '--rate', `${PLAYERS_PER_SECOND}/s`, '--wait'];
  narrator.does(`kelpie ${command.join(' ')}`);
  await narrator.expect(
    'its players arrive in the lobby by the rule, not faster than the rate',
    async () => {
      const drain = startKelpie(command, network.endpoint, network.secrets.variables('alice'));
      // The first player leaves as soon as the drain begins.
      await drain.line(/ left/);
      const startMs = performance.now();
      assert.equal(await drain.ended, 0, drain.errors());
      const tookMs = performance.now() - startMs;
      assert.ok(tookMs >= leastMs, `it took ${tookMs.toFixed(0)} ms`);
      await land();
      return drain.output();
    },
    (output) => /^survival is empty: (.*)\.$/m.exec(output)?.[1] ?? output,
  );
}

/** All players are on the other proxy afterwards. */
export async function drainProxy(stage: Stage): Promise<void> {
  const { network, party, narrator } = stage;
  narrator.act('A proxy gets an update');
  const unbroken = new Unbroken(party.bots);
  const games = party.bots.map(({ name, server }) => `${name} on ${server}`);
  const moved = party.places().filter((place) => place.includes(' by gate-1 '));
  const marks = party.bots.map((bot) => ({ bot, since: bot.seen.mark }));
  narrator.does('kelpie drain gate-1 --rate 20/s --wait');
  await narrator.expect(
    `its ${moved.length} players come by gate-2, each to the server that they were on`,
    async () => {
      await kelpie(network, 'drain', 'gate-1', '--rate', '20/s', '--wait');
      const gone = marks.filter(({ bot }) => moved.some((one) => one.startsWith(`${bot.name} `)));
      await Promise.all(gone.map(({ bot, since }) => bot.waitForServer(bot.server, since)));
      assert.deepEqual(
        party.bots.map(({ name, server }) => `${name} on ${server}`),
        games,
      );
      unbroken.check();
    },
  );
  await areListed(stage);
}
