/** `kelpie doctor`: what stands in the way to a coordinator, and what to do about it. */
import type { Command } from 'commander';
import { type Api, apiAt, type ApiOptions } from '../../api/index.js';
import { command, type Common, ending } from '../command.js';
import { placeOf as placeOfOptions } from '../input/place.js';
import {
  checkHealth,
  checkJournal,
  checkMaintenance,
  checkNodes,
  checkRoundTrip,
  checkVersion,
} from './coordinator.js';
import { checkHttp2, checkName, checkPort, checkProxy, type Place, placeOf } from './network.js';
import { type Finding, Trouble } from './finding.js';
import { checkInsecure, securityChecks, securityFindings } from './security.js';
import { print } from '../output/output.js';
import { printRecord } from '../output/records.js';
import type { Line, Style } from '../output/terminal.js';

type Result = Omit<Finding, 'check'>;

/** A text is the finding that all is well. Throws Trouble. */
type Check = (at: Place, api: Api, timeoutMs: number | undefined) => Promise<string | Result[]>;

/** In the order in which one needs the other. */
const checks: readonly [name: string, check: Check][] = [
  ['name', checkName],
  ['proxy', async (at) => checkProxy(at)],
  ['port', checkPort],
  ['gRPC', checkHttp2],
  ['TLS', async () => [{ status: 'notYet', finding: 'not there yet: nothing is encrypted' }]],
  ['token', async () => [{ status: 'notYet', finding: 'not there yet: nobody is asked for one' }]],
  ['health', (_, api, timeoutMs) => checkHealth(api, timeoutMs)],
  ['version', (_, api, timeoutMs) => checkVersion(api, timeoutMs)],
  ['round trip', (_, api, timeoutMs) => checkRoundTrip(api, timeoutMs)],
  ['--insecure', (_, api, timeoutMs) => checkInsecure(api, timeoutMs)],
  ['journal', (_, api, timeoutMs) => checkJournal(api, timeoutMs)],
  ['logins', (_, api, timeoutMs) => checkMaintenance(api, timeoutMs)],
  ['nodes', (_, api, timeoutMs) => checkNodes(api, timeoutMs)],
];

const marks: Record<Finding['status'], string> = {
  ok: '✓',
  warning: '!',
  failed: '✗',
  notYet: '-',
};
const styles: Record<Finding['status'], Style | undefined> = {
  ok: 'green',
  warning: 'yellow',
  failed: 'red',
  notYet: undefined,
};
/** The width of the column of names. */
const widthOf = (list: readonly (readonly [string, unknown])[]): number =>
  Math.max(...list.map(([name]) => name.length));

interface DoctorOptions extends Common {
  readonly security?: boolean;
}

export function doctorCommand(): Command {
  return command('doctor', 'check the way to each coordinator, and what it reports of itself')
    .option(
      '--security',
      'check how well each coordinator, and the tokens of this user, are protected',
    )
    .action((options: DoctorOptions) =>
      ending(async () => {
        if (!(await doctor(options))) process.exitCode = 1;
      }),
    );
}

/** Examines each endpoint. Resolves with whether no check failed; warnings are no failures. */
async function doctor(options: DoctorOptions): Promise<boolean> {
  const { output, security = false } = options;
  const { endpoints, ...reaching } = placeOfOptions(options);
  const width = widthOf(security ? securityChecks : checks);
  let fine = true;
  for (const endpoint of endpoints) {
    const checks: Finding[] = [];
    if (output === 'table' && endpoints.length > 1) print(endpoint);
    for await (const finding of examine(endpoint, reaching, options)) {
      checks.push(finding);
      if (output === 'table') print(lines(finding, width));
    }
    const well = checks.every(({ status }) => status !== 'failed');
    if (output !== 'table') printRecord(output, 'Diagnosis', { endpoint, fine: well, checks });
    fine &&= well;
  }
  return fine;
}

/** Ends with the first check that fails, except those of security. */
async function* examine(
  endpoint: string,
  reaching: ApiOptions,
  { timeout: timeoutMs, security = false }: DoctorOptions,
): AsyncGenerator<Finding> {
  const api = apiAt(endpoint, reaching);
  try {
    if (security) {
      yield* await securityFindings(endpoint, api, timeoutMs === undefined ? {} : { timeoutMs });
      return;
    }
    for (const [check, run] of checks) {
      const findings = await run(placeOf(endpoint), api, timeoutMs).then(listOf, failureOf);
      for (const finding of findings) yield { check, ...finding };
      if (findings.some(({ status }) => status === 'failed')) return;
    }
  } finally {
    api.close();
  }
}

function listOf(found: string | Result[]): Result[] {
  return typeof found === 'string' ? [{ status: 'ok', finding: found }] : found;
}

function failureOf(thrown: unknown): Result[] {
  if (!(thrown instanceof Trouble)) throw thrown;
  return [{ status: 'failed', finding: thrown.message, advice: thrown.advice }];
}

function lines({ check, status, finding, advice }: Finding, width: number): Line[] {
  const style = styles[status];
  const mark = style ? { text: marks[status], style } : marks[status];
  const first = [mark, `  ${check.padEnd(width)}  ${finding}`];
  return advice === undefined ? [first] : [first, `   ${' '.repeat(width)}  → ${advice}`];
}
