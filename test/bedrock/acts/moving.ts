/** The act in which players move between servers, and to another proxy. */
import assert from 'node:assert/strict';
import { PROXIES } from '../network.js';
import { areListed, play, type Stage } from './stage.js';

/** How many of each ten players go to each game. The others stay in the lobby. */
const TO_BEDWARS = 4;
const TO_SURVIVAL = 3;

export async function move(stage: Stage): Promise<void> {
  stage.narrator.act('A plugin moves players to the games');
  await moveToGames(stage);
  await travel(stage);
  await areListed(stage);
}

async function moveToGames({ party, narrator }: Stage): Promise<void> {
  const tens = PROXIES.map((proxy) => party.by(proxy));
  const builders = tens.flatMap((ten) => ten.slice(0, TO_BEDWARS));
  const settlers = tens.flatMap((ten) => ten.slice(TO_BEDWARS, TO_BEDWARS + TO_SURVIVAL));
  await narrator.expect(
    'players type /play bedwars and /play survival, and each game greets them with their team',
    () =>
      Promise.all([
        play(builders, 'bedwars', 'Your team is red.'),
        play(settlers, 'survival', 'Your team is blue.'),
      ]),
    () => party.counts(),
  );
}

async function travel({ party, narrator }: Stage): Promise<void> {
  const traveller = party.one('lobby', 'gate-1');
  const { name, seen } = traveller;
  const since = seen.mark;
  await narrator.expect(
    `${name} types /travel gate-2 survival, and their client is sent to gate-2`,
    async () => {
      traveller.type('/travel gate-2 survival You come by the other gate.');
      assert.equal(await traveller.waitForTransfer(since), 'gate-2');
    },
  );
  await narrator.expect(
    'there the first world that they see is survival, the server of their ticket',
    async () => {
      const { message } = await traveller.waitForText(
        (text) => text.message.startsWith('Welcome to '),
        since,
      );
      assert.equal(message, `Welcome to survival, ${name}! You come by the other gate.`);
      return message;
    },
    (message) => message,
  );
}
