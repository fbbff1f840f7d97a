/** The act in which players on different servers see the same things. */
import assert from 'node:assert/strict';
import { allSaw, answers, hears, type Stage } from './stage.js';

export async function talk(stage: Stage): Promise<void> {
  const { party, narrator } = stage;
  narrator.act('Words, a toast and a title');
  const [one, other] = [party.one('bedwars', 'gate-1'), party.one('survival', 'gate-2')];
  await hears(stage, one, other, 'is anybody there?');
  await hears(stage, other, one, 'loud and clear!');
  await narrator.expect('all twenty saw both lines, each exactly once', async () => {
    await allSaw(party.bots, 'is anybody there?');
    await allSaw(party.bots, 'loud and clear!');
  });
  const names = party.on('survival').map(({ name }) => name);
  const answer = `On survival: ${names.sort().join(', ')}`;
  await answers(stage, { bot: one, about: 'survival', answer });
  await showThings(stage);
}

async function showThings({ network, party, narrator }: Stage): Promise<void> {
  const toast = { title: 'Lunch', message: 'is on the house' };
  const title = { title: 'The fair', subtitle: 'has begun' };
  narrator.does('a plugin shows a toast to survival, then a title to everyone');
  const shown = await network.ask(async (api) => {
    const first = await api.players.show({ server: 'survival' }, { toast });
    const second = await api.players.show({ everyone: true }, title);
    return [first, second].map(({ succeeded, failed }) => ({ succeeded, failed }));
  });
  await narrator.expect('all twenty see the title and its small line, once', async () => {
    assert.deepEqual(shown[1], { succeeded: party.bots.length, failed: 0 });
    for (const line of ['set_subtitle has begun', 'set_title The fair']) {
      await Promise.all(party.bots.map((bot) => bot.waitForShown(line)));
      for (const bot of party.bots) assert.equal(bot.countShown(line), 1, bot.name);
    }
  });
  // The title came after the toast on the same connection, so a bot that saw the title has got its toast.
  await narrator.expect("survival's players have seen the toast, once, and nobody else has", () => {
    assert.deepEqual(shown[0], { succeeded: party.on('survival').length, failed: 0 });
    for (const bot of party.bots) {
      const times = bot.server === 'survival' ? 1 : 0;
      assert.equal(bot.countShown('toast Lunch: is on the house'), times, bot.name);
    }
  });
}
