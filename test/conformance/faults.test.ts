/** Faults that are planted in the TypeScript SDK turn the cells red whose rules they break, and the SDK passes these cells. */
import { expect } from 'chai';
import { runLanguage } from './run.js';
import { loadScenarios } from './scenarios.js';

/** Each fault, and the scenarios that find it. */
const found: Readonly<Record<string, readonly string[]>> = {
  'skips acknowledgements': ['window/events', 'window/bytes', 'handlers/one that throws'],
  'resumes from the newest event instead of the last handled one': [
    'resume/a restarted process',
    'resume/an event that a close interrupts',
  ],
  'ignores a gap': ['gap/rewritten history', 'gap/ahead', 'resume/a new epoch'],
  'numbers publishes again on each stream': [
    'publish/lost acknowledgement',
    'publish/settled by Welcome',
    'drain/a publish on the way',
  ],
  'does not ask for a broken Snapshot again': ['snapshot/broken in the middle'],
};

/** How many scenarios run at once. */
const JOBS = 3;

/** A scenario without a fault never waits for this long. */
const STEP_MS = 1800;

async function colors(run: string, names: readonly string[]): Promise<Record<string, string>> {
  const language = { name: 'typescript', run, build: undefined, claims: undefined, missing: [] };
  const { cells } = await runLanguage(language, loadScenarios(names), JOBS, STEP_MS);
  return Object.fromEntries([...cells].map(([name, { color }]) => [name, color]));
}

const all = (names: readonly string[], color: string): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, color]));

describe('conformance', () => {
  it('passes for the SDK where the faults are found', async () => {
    const names = Object.values(found).flat();
    const seen = await colors('node dist/test/conformance/drivers/typescript.js', names);
    expect(seen).to.deep.equal(all(names, 'green'));
  });

  for (const [fault, names] of Object.entries(found)) {
    it(`finds an SDK that ${fault}`, async () => {
      const run = `env FAULT='${fault}' node dist/test/conformance/drivers/faulty.js`;
      expect(await colors(run, names)).to.deep.equal(all(names, 'red'));
    });
  }
});
