/**
 * Measures Kelpie and its peers in the same run on the same machine. Only the ratios are meaningful; the run compares
 * none of them with a limit.
 *
 *   node dist/test/bench/main.js [--quick] [--json]
 */
import { cpus, tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { removeDataFolders } from '../support/process/data-folder.js';
import { measureCrowds } from './crowd.js';
import { measureHistories } from './history.js';
import { measureLosses } from './loss.js';
import { measurePicks } from './picks.js';
import { full, PAYLOAD_BYTES, quick, scenarios, systems, WINDOW_EVENTS } from './plan.js';
import { print } from './report.js';
import { run } from './run.js';
import { measureSearches } from './search.js';
import { measureTransfers } from './transfers.js';
import { measureValues, withoutEtcd } from './values.js';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const effort = values.quick ? quick : full;

// Each process of the run has one, so that it goes with the run; then their folders.
process.setMaxListeners(100);
process.once('exit', removeDataFolders);
// By these ways too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    process.stderr.write(`stopped by ${signal}\n`);
    process.exit(1);
  });
}
setTimeout(() => {
  process.stderr.write(
    `the run has not ended after ${effort.ceilingMs / 1000} s, so a part of it hangs; it stops now\n`,
  );
  process.exit(1);
}, effort.ceilingMs).unref();

const { tables: live, missing: absent } = await run({
  effort,
  scenarios,
  systems,
  onProgress: tell,
});
const missing = [...absent, withoutEtcd()];
const tables = [
  ...live,
  measurePicks(effort),
  await measureCrowds(effort, tell),
  await measureLosses(effort, tell),
  await measureTransfers(effort, tell),
  await measureValues(effort),
  await measureHistories(effort, tell),
  await measureSearches(effort, tell),
];
if (values.json) {
  const conditions = { node: process.version, cpus: cpus().length, payloadBytes: PAYLOAD_BYTES };
  process.stdout.write(`${JSON.stringify({ ...conditions, effort, missing, tables }, null, 2)}\n`);
} else {
  const { repetitions } = effort;
  process.stdout.write(`
Events of ${PAYLOAD_BYTES} bytes, ${WINDOW_EVENTS} under way; server and clients in a process each; ${cpus().length} CPUs, Node ${process.version}.
Median (least–most) of ${repetitions} ${repetitions === 1 ? 'round' : 'rounds'}; ÷ is the ratio to a peer in the same round.
"Kelpie" is the client for TypeScript on both sides, or that of the named language; in "Kelpie, counting" the readers keep the protocol and look at no event.
Journals in files are on the disk of ${tmpdir()}; directories that were just filled are read from the system's cache.
`);
  for (const table of tables) process.stdout.write(`\n${print(table)}\n`);
  for (const { title, reason } of missing)
    process.stdout.write(`\n${title} was not measured: ${reason}\n`);
}
process.exit(0);

function tell(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text}`);
}
