/** The act in which an operator updates a game, and nobody loses their connection. */
import assert from 'node:assert/strict';
import { DrainStage } from '../../../gen/ts/kelpie/v1/node_service.js';
import { SERVERS } from '../network.js';
import { areListed, play, refusedBy, type Stage, Unbroken } from './stage.js';

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
      await network.ask((api) => api.nodes.cancelNodeDrain({ name: 'survival' }));
      await network.proxiesKnow(SERVERS);
      await play(bots, 'survival');
      unbroken.check();
    },
  );
}

async function empty(stage: Stage): Promise<void> {
  const { party, narrator } = stage;
  const guests = party.on('survival').map((bot) => ({ bot, since: bot.seen.mark }));
  const leastMs = ((guests.length - 1) / PLAYERS_PER_SECOND) * 1000;
  narrator.does(`kelpie drain survival --rate ${PLAYERS_PER_SECOND}/s`);
  await narrator.expect(
    'its players arrive in the lobby by the rule, not faster than the rate',
    async () => {
      const tookMs = await emptied(stage);
      await Promise.all(guests.map(({ bot, since }) => bot.waitForServer('lobby', since)));
      assert.ok(tookMs >= leastMs, `it took ${tookMs.toFixed(0)} ms`);
      return tookMs;
    },
    (tookMs) => `${guests.length} players in ${(tookMs / 1000).toFixed(1)} s`,
  );
}

/** Resolves with the time from the first progress to the end. */
async function emptied({ network }: Stage): Promise<number> {
  const request = { name: 'survival', playersPerSecond: PLAYERS_PER_SECOND };
  return network.ask(async (api) => {
    let startMs: number | undefined;
    for await (const { stage } of api.nodes.drainNode(request)) {
      startMs ??= performance.now();
      if (stage === DrainStage.EMPTY) return performance.now() - startMs;
    }
    throw new Error('the drain ended, and survival is not empty');
  });
}
