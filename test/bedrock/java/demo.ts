/** `make demo-java`: real PowerNukkit servers with our plugin, and the demo checks what their players saw. */
import { Child } from '../child.js';
import { Narrator } from '../narrator.js';
import { gather } from './acts/gathering.js';
import { goHome, loseCoordinator } from './acts/losing.js';
import { move } from './acts/moving.js';
import { guardTheDoor, talk } from './acts/talking.js';
import type { Stage } from './acts/stage.js';
import { Network } from './network.js';
import { NukkitServer } from './server.js';

const LAST_LINES = 15;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(1));
}
process.on('exit', () => {
  void Child.killAll();
  void NukkitServer.killAll();
});

const times = Number(process.env['TIMES'] ?? '1');
if (!Number.isInteger(times) || times < 1) throw new Error('TIMES must be a whole number from 1');
for (let time = 1; time <= times; time += 1) {
  if (!(await play())) process.exit(1);
}
process.exit(0);

async function play(): Promise<boolean> {
  const narrator = new Narrator();
  const network = await Network.plan();
  const stage: Stage = { network, narrator, bots: new Map() };
  narrator.title(
    'Kelpie and real PowerNukkit',
    'The servers are PowerNukkit 1.6.0.1-PN with our plugin. A ✓ is what a player’s own client saw, or a list of the network.',
  );
  try {
    for (const act of [gather, talk, guardTheDoor, move, loseCoordinator, goHome]) await act(stage);
    return true;
  } catch (error) {
    narrator.fails(error);
    narrator.lastWords('the network', network.news(LAST_LINES));
    for (const { name, lines } of [...Child.all, ...NukkitServer.all]) {
      narrator.lastWords(name, lines.since(0).slice(-LAST_LINES));
    }
    return false;
  } finally {
    for (const bot of stage.bots.values()) bot.leave();
    await network.forget();
    narrator.summary();
  }
}
