/** Runs scenarios with the driver of one language, several at once. */
import { execFileSync } from 'node:child_process';
import { Driver } from './driver.js';
import { type Language, ROOT } from './languages.js';
import { Play } from './play.js';
import type { Scenario } from './scenarios.js';
import { Transcript } from './transcript.js';

/** A whole scenario: no step waits for longer than a fifth of this. */
const SCENARIO_MS = 30_000;

/** green: passed; red: failed; gray: the library does not claim it. */
export type Cell =
  | { readonly color: 'green'; readonly ms: number }
  | {
      readonly color: 'red';
      readonly ms: number;
      readonly why: string;
      readonly transcript: readonly string[];
    }
  | { readonly color: 'gray' };

export interface Run {
  readonly language: string;
  /** Why the language could not run at all. */
  readonly absent: string | undefined;
  /** The language is here, and its driver is no program: a failure everywhere. */
  readonly isBroken?: boolean;
  readonly cells: ReadonlyMap<string, Cell>;
}

export async function runLanguage(
  language: Language,
  scenarios: readonly Scenario[],
  jobs: number,
  stepMs?: number,
): Promise<Run> {
  const { name, missing, claims } = language;
  const cells = new Map<string, Cell>();
  if (missing.length > 0)
    return { language: name, cells, absent: `not here: ${missing.join(', ')}` };
  if (!isBuilt(language))
    return { language: name, cells, absent: 'its driver does not build', isBroken: true };
  const waiting = scenarios.filter((scenario) => {
    const isClaimed = scenario.needs.every((need) => claims?.includes(need) ?? true);
    if (!isClaimed) cells.set(scenario.name, { color: 'gray' });
    return isClaimed;
  });
  await Promise.all(Array.from({ length: jobs }, () => work(language, waiting, cells, stepMs)));
  return { language: name, absent: undefined, cells };
}

function isBuilt({ build }: Language): boolean {
  if (build === undefined) return true;
  try {
    execFileSync('sh', ['-c', build], { cwd: ROOT, stdio: ['ignore', 2, 2] });
    return true;
  } catch {
    return false;
  }
}

/** Takes scenarios until none is left, with one process of the driver as long as they pass. */
async function work(
  { run }: Language,
  waiting: Scenario[],
  cells: Map<string, Cell>,
  stepMs?: number,
): Promise<void> {
  let driver: Driver | undefined;
  for (let scenario = waiting.shift(); scenario; scenario = waiting.shift()) {
    driver ??= new Driver(run, ROOT);
    const { cell, isUsable } = await playOne(scenario, driver, stepMs);
    cells.set(scenario.name, cell);
    if (isUsable) continue;
    await driver.kill();
    driver = undefined;
  }
  await driver?.stop();
}

async function playOne(
  scenario: Scenario,
  driver: Driver,
  stepMs?: number,
): Promise<{ cell: Cell; isUsable: boolean }> {
  const transcript = new Transcript(stepMs);
  driver.begin(transcript);
  const play = new Play(scenario, driver, transcript);
  const startedMs = performance.now();
  const ms = (): number => Math.round(performance.now() - startedMs);
  try {
    let late: NodeJS.Timeout | undefined;
    const tooLong = new Promise<never>((_, reject) => {
      const fail = (): void => reject(new Error(`the scenario took more than ${SCENARIO_MS} ms`));
      late = setTimeout(fail, SCENARIO_MS);
    });
    await Promise.race([play.run(scenario.steps), tooLong]).finally(() => clearTimeout(late));
    const cell = { color: 'green', ms: ms() } as const;
    return { cell, isUsable: await play.end() };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    transcript.add(`FAILED: ${why}`);
    const cell = { color: 'red', ms: ms(), why, transcript: [...transcript.lines] } as const;
    await play.end();
    return { cell, isUsable: false };
  }
}
