/** Runs one schedule. */
import { inCountedTurns } from './turns.js';
import { type Plan, World } from './world.js';

async function run<Result>(
  seed: number,
  plan: Plan,
  judge: (world: World, faults: string[]) => Result,
): Promise<Result> {
  return inCountedTurns(async () => {
    const world = new World(seed, plan);
    try {
      return judge(world, await world.run());
    } finally {
      world.close();
    }
  });
}

/** The faults of the schedule with this seed. */
export function faultsOf(seed: number, plan: Plan): Promise<string[]> {
  return run(seed, plan, (_, faults) => faults);
}

/** The steps of the schedule with this seed. Epochs and instances are random. */
export function historyOf(seed: number, plan: Plan): Promise<string[]> {
  return run(seed, plan, ({ history }) =>
    history.map(({ atMs, client, kind }) => `${atMs} ${client} ${kind}`),
  );
}

/** Throws if a promise broke. The message says how to repeat it. */
export async function simulate(seed: number, plan: Plan): Promise<void> {
  const faults = await faultsOf(seed, plan);
  if (faults.length === 0) return;
  const command = `SEED=${seed} npx mocha --no-config dist/test/simulation/simulation.test.js`;
  throw new Error(`${command} repeats this:\n${faults.join('\n')}`);
}
