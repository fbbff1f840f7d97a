/** The results of the runs, for people and for programs. */
import type { Cell, Run } from './run.js';
import type { Scenario } from './scenarios.js';

const SIGNS = { green: 'ok', red: 'FAIL', gray: '-' };

/** A table scenario × language, the transcripts of the red cells, and the count. */
export function matrix(scenarios: readonly Scenario[], runs: readonly Run[]): string {
  const width = Math.max(...scenarios.map(({ name }) => name.length));
  const present = runs.filter(({ absent }) => absent === undefined);
  const line = (title: string, cells: readonly string[]): string =>
    `${[title.padEnd(width), ...cells.map((cell, index) => cell.padEnd(present[index]?.language.length ?? 0))].join('  ').trimEnd()}\n`;
  const rows = scenarios.map(({ name }) =>
    line(
      name,
      present.map(({ cells }) => SIGNS[cells.get(name)?.color ?? 'gray']),
    ),
  );
  const head = line(
    '',
    present.map(({ language }) => language),
  );
  const missing = runs.flatMap(({ language, absent }) =>
    absent === undefined ? [] : [`\n!!! ${language} did not run: ${absent}\n`],
  );
  const counted = count(runs);
  const total = `\n${counted.passed} passed, ${counted.failed} failed\n`;
  return [head, ...rows, ...transcripts(scenarios, present), ...missing, total].join('');
}

function transcripts(scenarios: readonly Scenario[], runs: readonly Run[]): string[] {
  return runs.flatMap(({ language, cells }) =>
    scenarios.flatMap(({ name, proves }) => {
      const cell = cells.get(name);
      if (cell?.color !== 'red') return [];
      const lines = cell.transcript.map((one) => `  ${one}`).join('\n');
      return [`\nFAIL ${language} ${name}\n  ${proves}\n  ${cell.why}\n\n${lines}\n`];
    }),
  );
}

function count(runs: readonly Run[]): { passed: number; failed: number } {
  const all: Cell[] = runs.flatMap(({ cells }) => [...cells.values()]);
  const ofColor = (color: Cell['color']): number => all.filter((one) => one.color === color).length;
  // A language that could not run at all is one failure.
  const broken = runs.filter(
    ({ absent, isBroken = false }) =>
      absent !== undefined && (isBroken || process.env['CI'] === 'true'),
  );
  return { passed: ofColor('green'), failed: ofColor('red') + broken.length };
}

/** The same as JSON. */
export function report(scenarios: readonly Scenario[], runs: readonly Run[]) {
  return {
    ...count(runs),
    scenarios: scenarios.map(({ name, proves, needs }) => ({ name, proves, needs })),
    languages: runs.map(({ language, absent, cells }) => ({
      ...{ language, absent },
      cells: Object.fromEntries(cells),
    })),
  };
}
