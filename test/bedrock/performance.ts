/** A demo from its first process to its last, as often as TIMES says. */
import { Child } from './child.js';
import type { Stage } from './acts/stage.js';
import { Narrator } from './narrator.js';
import type { Network } from './network.js';
import { Party } from './party.js';

const LAST_LINES = 12;

interface Play<N extends Network> {
  readonly title: string;
  readonly plan: () => Promise<N>;
  readonly acts: readonly ((stage: Stage & { network: N }) => Promise<void>)[];
}

/** Ends the process: with the code 0 only if every claim was true. */
export async function perform<N extends Network>(play: Play<N>): Promise<never> {
  const times = Number(process.env['TIMES'] ?? '1');
  if (!Number.isInteger(times) || times < 1) throw new Error('TIMES must be a whole number from 1');
  process.on('exit', () => void Child.killAll());
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => process.exit(1));
  }
  for (let time = 1; time <= times; time += 1) {
    const title = times === 1 ? play.title : `${play.title}, ${time} of ${times}`;
    if (!(await performOnce({ ...play, title }, time))) process.exit(1);
  }
  process.exit(0);
}

async function performOnce<N extends Network>(
  { title, plan, acts }: Play<N>,
  time: number,
): Promise<boolean> {
  const narrator = new Narrator();
  const network = await plan();
  const party = new Party(network.ports);
  narrator.title(
    title,
    'Servers, proxies and players speak Bedrock over UDP. A ✓ is what a player’s own client saw, or a process reported.',
  );
  try {
    for (const act of acts) await act({ network, party, narrator, time });
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
