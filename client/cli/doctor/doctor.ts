/** `kelpie doctor`: what stands in the way to a coordinator, and what to do about it. */
import type { Command } from 'commander';
import { apiAt, type ApiOptions } from '../../api/index.js';
import { NodeRole } from '../../../gen/ts/kelpie/v1/node.js';
import { command, type Common, ending } from '../command.js';
import { name, oneOf } from '../input/arguments.js';
import { placeOf, tokenSourceOf } from '../input/place.js';
import type { Wanted } from './credential.js';
import { checks, examine, waysChecks } from './examination.js';
import type { Finding } from './finding.js';
import { securityChecks, securityFindings } from './security.js';
import { print } from '../output/output.js';
import { printRecord } from '../output/records.js';
import type { Line, Style } from '../output/terminal.js';

const marks: Record<Finding['status'], string> = {
  ok: '✓',
  warning: '!',
  failed: '✗',
  notChecked: '-',
};
const styles: Record<Finding['status'], Style | undefined> = {
  ok: 'green',
  warning: 'yellow',
  failed: 'red',
  notChecked: undefined,
};
/** The width of the column of names. */
const widthOf = (list: readonly (readonly [string, unknown])[]): number =>
  Math.max(...list.map(([name]) => name.length));

interface DoctorOptions extends Common, Wanted {
  readonly security?: boolean;
}

export function doctorCommand(): Command {
  return command('doctor', 'check the way to each coordinator, and what it reports of itself')
    .option(
      '--security',
      'check how well each coordinator, and the tokens of this user, are protected',
    )
    .option('--network <network>', 'also check that the token is of this network', name)
    .option('--node <node>', 'also check that the token may be this node', name)
    .option(
      '--role <role>',
      'also check that the token may be a node of this role',
      oneOf(NodeRole),
      [],
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
  const { endpoints, ...reaching } = placeOf(options);
  const width = widthOf(security ? securityChecks : checks);
  let fine = true;
  for (const endpoint of endpoints) {
    const checks: Finding[] = [];
    if (output === 'table' && endpoints.length > 1) print(endpoint);
    for await (const finding of findingsOf(endpoint, reaching, options)) {
      checks.push(finding);
      if (output === 'table') print(lines(finding, width));
    }
    const well = checks.every(({ status }) => status !== 'failed');
    if (output !== 'table') printRecord(output, 'Diagnosis', { endpoint, fine: well, checks });
    fine &&= well;
  }
  return fine;
}

/** The findings: on the way to the coordinator, or of its security. */
async function* findingsOf(
  endpoint: string,
  reaching: ApiOptions,
  options: DoctorOptions,
): AsyncGenerator<Finding> {
  const { timeout: timeoutMs } = options;
  const examination = { ...options, reaching, timeoutMs, tokenFrom: tokenSourceOf(options) };
  if (!options.security) {
    yield* examine(endpoint, examination);
    return;
  }
  for await (const finding of examine(endpoint, examination, waysChecks)) {
    if (finding.status !== 'failed') continue;
    yield finding;
    return;
  }
  const api = apiAt(endpoint, reaching);
  try {
    yield* await securityFindings(endpoint, api, timeoutMs === undefined ? {} : { timeoutMs });
  } finally {
    api.close();
  }
}

function lines({ check, status, finding, advice }: Finding, width: number): Line[] {
  const style = styles[status];
  const mark = style ? { text: marks[status], style } : marks[status];
  const first = [mark, `  ${check.padEnd(width)}  ${finding}`];
  return advice === undefined ? [first] : [first, `   ${' '.repeat(width)}  → ${advice}`];
}
