/** `make conformance`: drives the libraries of all languages through the scenarios, and prints a matrix. */
import { loadScenarios } from './scenarios.js';
import { loadLanguages } from './languages.js';
import { matrix, report } from './matrix.js';
import { runLanguage } from './run.js';

const HELP = `Usage: node dist/test/conformance/main.js [--languages go,java] [--only 'resume*,hello/*'] [--jobs 3] [--json] [--list]
`;

function option(name: string): string | undefined {
  const place = process.argv.indexOf(`--${name}`);
  return place < 0 ? undefined : process.argv[place + 1];
}

const list = (name: string): string[] =>
  (option(name) ?? '').split(',').filter((one) => one !== '');

async function main(): Promise<number> {
  if (process.argv.includes('--help')) {
    process.stdout.write(HELP);
    return 0;
  }
  const scenarios = loadScenarios(list('only'));
  if (process.argv.includes('--list')) {
    for (const { name, proves } of scenarios) process.stdout.write(`${name}\n    ${proves}\n`);
    return 0;
  }
  if (scenarios.length === 0) throw new Error(`no scenario matches ${option('only') ?? ''}`);
  const jobs = Number(option('jobs') ?? 3);
  const languages = loadLanguages(list('languages'));
  const runs = [];
  for (const language of languages) runs.push(await runLanguage(language, scenarios, jobs));
  const json = process.argv.includes('--json');
  process.stdout.write(
    json ? `${JSON.stringify(report(scenarios, runs), null, 2)}\n` : matrix(scenarios, runs),
  );
  return report(scenarios, runs).failed > 0 ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
