/** The act in which players move between servers, and to another proxy. */
import { PROXIES } from '../network.js';
import { areListed, play, type Stage } from './stage.js';

/** How many of each ten players go to each game. The others stay in the lobby. */
const TO_BEDWARS = 4;
const TO_SURVIVAL = 3;

export async function move(stage: Stage): Promise<void> {
  stage.narrator.act('A plugin moves players to the games');
  await moveToGames(stage);
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
