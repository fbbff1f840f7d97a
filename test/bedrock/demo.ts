/** `make demo`: a small Bedrock network has many faults in one day, and the demo checks what its players saw. */
import { acts } from './acts/acts.js';
import { Child } from './child.js';
import { Narrator } from './narrator.js';
import { Network } from './network.js';
import { Party } from './party.js';

const LAST_LINES = 12;

const times = Number(process.env['TIMES'] ?? '1');
if (!Number.isInteger(times) || times < 1) throw new Error('TIMES must be a whole number from 1');

process.on('exit', () => void Child.killAll());
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(1));
}

for (let time = 1; time <= times; time += 1) {
  if (!(await play(time))) process.exit(1);
}
process.exit(0);

async function play(time: number): Promise<boolean> {
  const narrator = new Narrator();
  const network = await Network.plan();
  const party = new Party(network.ports);
  const coordinatorEnd = time % 2 === 1 ? 'SIGKILL' : 'SIGTERM';
  narrator.title(
    times === 1
      ? 'Kelpie herds a Bedrock network'
      : `Kelpie herds a Bedrock network, ${time} of ${times}`,
    'Servers, proxies and players speak Bedrock over UDP. A ✓ is what a player’s own client saw, or a process reported.',
  );
  try {
    for (const act of acts) await act({ network, party, narrator, coordinatorEnd });
    return true;
  } catch (error) {
    narrator.fails(error);
    for (const { name, lines } of Child.all) {
      narrator.lastWords(name, lines.since(0).slice(-LAST_LINES));
    }
    return false;
  } finally {
    await Child.killAll();
    party.leave(...party.bots);
    await network.forget();
    narrator.summary();
  }
}
