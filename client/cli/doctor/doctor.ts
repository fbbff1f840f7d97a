/** `kelpie doctor`: what stands in the way to a coordinator, and what to do about it. */
import { type Api, apiAt } from '../input/calls.js';
import {
  checkHealth,
  checkJournal,
  checkNodes,
  checkRoundTrip,
  checkVersion,
} from './coordinator.js';
import { checkHttp2, checkName, checkPort, checkProxy, type Place, placeOf } from './network.js';
import { type Finding, Trouble } from './finding.js';
import { print, printJson } from '../output/output.js';

type Told = Omit<Finding, 'check'>;

/** A text is the finding that all is well. Throws Trouble. */
type Check = (at: Place, api: Api) => Promise<string | Told[]>;

/** In the order in which one needs the other. */
const checks: readonly [name: string, check: Check][] = [
  ['name', checkName],
  ['proxy', async (at) => checkProxy(at)],
  ['port', checkPort],
  ['gRPC', checkHttp2],
  ['TLS', async () => [{ status: 'notYet', finding: 'not there yet: nothing is encrypted' }]],
  ['token', async () => [{ status: 'notYet', finding: 'not there yet: nobody is asked for one' }]],
  ['health', (_, api) => checkHealth(api)],
  ['version', (_, api) => checkVersion(api)],
  ['round trip', (_, api) => checkRoundTrip(api)],
  ['journal', (_, api) => checkJournal(api)],
  ['nodes', (_, api) => checkNodes(api)],
];

const marks: Record<Finding['status'], string> = {
  ok: '✓',
  warning: '!',
  failed: '✗',
  notYet: '-',
};
const NAME_WIDTH = Math.max(...checks.map(([name]) => name.length));

/** Examines each endpoint. Resolves with whether no check failed; warnings are no failures. */
export async function doctor(endpoints: readonly string[], json: boolean): Promise<boolean> {
  let fine = true;
  for (const endpoint of endpoints) {
    const found: Finding[] = [];
    if (!json && endpoints.length > 1) print(endpoint);
    for await (const finding of examine(endpoint)) {
      found.push(finding);
      if (!json) print(lines(finding));
    }
    const well = found.every(({ status }) => status !== 'failed');
    if (json) printJson({ endpoint, fine: well, checks: found });
    fine &&= well;
  }
  return fine;
}

/** Ends with the first check that fails. */
async function* examine(endpoint: string): AsyncGenerator<Finding> {
  const api = apiAt(endpoint);
  try {
    for (const [check, run] of checks) {
      const findings = await run(placeOf(endpoint), api).then(listOf, failureOf);
      for (const finding of findings) yield { check, ...finding };
      if (findings.some(({ status }) => status === 'failed')) return;
    }
  } finally {
    api.close();
  }
}

function listOf(found: string | Told[]): Told[] {
  return typeof found === 'string' ? [{ status: 'ok', finding: found }] : found;
}

function failureOf(thrown: unknown): Told[] {
  if (!(thrown instanceof Trouble)) throw thrown;
  return [{ status: 'failed', finding: thrown.message, advice: thrown.advice }];
}

function lines({ check, status, finding, advice }: Finding): string[] {
  const told = `${marks[status]}  ${check.padEnd(NAME_WIDTH)}  ${finding}`;
  return advice === undefined ? [told] : [told, `   ${' '.repeat(NAME_WIDTH)}  → ${advice}`];
}
