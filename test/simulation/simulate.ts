/** Runs one schedule. */
import { inCountedTurns } from './turns.js';
import { type Plan, World } from './world.js';

/** The faults of the schedule with this seed. */
export async function faultsOf(seed: number, plan: Plan): Promise<string[]> {
  return inCountedTurns(async () => {
    const world = new World(seed, plan);
    try {
      return await world.run();
    } finally {
      world.close();
    }
  });
}

/** Throws if a promise broke. The message says how to repeat it. */
export async function simulate(seed: number, plan: Plan): Promise<void> {
  const faults = await faultsOf(seed, plan);
  if (faults.length === 0) return;
  const command = `SEED=${seed} npx mocha --no-config dist/test/simulation/simulation.test.js`;
  throw new Error(`${command} repeats this:\n${faults.join('\n')}`);
}
