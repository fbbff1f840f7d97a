/** `kelpie doctor --security`: the checklist of SECURITY.md, which explains each check by its name. */
import { statSync } from 'node:fs';
import type { Credential } from '../../../gen/ts/kelpie/v1/access.js';
import type { GetSecurityResponse } from '../../../gen/ts/kelpie/v1/access_service.js';
import type { Api, CallOptions } from '../../api/index.js';
import { isLoopback } from '../../core/loopback.js';
import { fromThrown } from '../../errors.js';
import { readContexts } from '../input/contexts.js';
import { contextsFile } from '../input/contexts-file.js';
import { shownTime } from '../output/output.js';
import type { Finding } from './finding.js';
import { placeOf } from './network.js';

type Result = Omit<Finding, 'check'>;

/** The facts that the checks judge. */
export interface Facts {
  readonly report: GetSecurityResponse;
  readonly endpoint: string;
  readonly nowMs: number;
  /** The files that may have a token of this user. */
  readonly tokenFiles: readonly string[];
}

/** A new certificate is due this long before the end of the present one. */
const RENEWAL_MS = 14 * 24 * 60 * 60 * 1000;
const OF_OTHERS = 0o077;
/** A container gives the rights to a volume by the group, so these are no failure. */
const OF_ALL = 0o007;
/** A longer list of names is cut. */
const LISTED = 5;

const ok = (finding: string): Result[] => [{ status: 'ok', finding }];
const warning = (finding: string, advice: string): Result => ({
  status: 'warning',
  finding,
  advice,
});
const failed = (finding: string, advice: string): Result => ({ status: 'failed', finding, advice });

/** Each check, by its name in SECURITY.md. */
export const securityChecks: readonly (readonly [string, (facts: Facts) => Result[]])[] = [
  ['connection', connection],
  ['token files', ({ tokenFiles }) => filesOfTokens(tokenFiles)],
  ['TLS', ({ report }) => encryption(report)],
  ['certificate', ({ report, nowMs }) => certificate(report, nowMs)],
  ['--insecure', ({ report }) => insecurity(report)],
  ['credentials', ({ report }) => credentials(report)],
  ['operators', ({ report }) => operators(report.endlessOperators)],
  ['data', ({ report }) => data(report)],
  ['metrics', ({ report }) => metrics(report)],
];

/** Judges what the coordinator reports of its security, and the files of this user. */
export async function securityFindings(
  endpoint: string,
  api: Api,
  options: CallOptions,
): Promise<Finding[]> {
  let report: GetSecurityResponse;
  try {
    report = await api.messages.access.security(options);
  } catch (thrown) {
    return [{ check: 'report', ...withoutReport(fromThrown(thrown)) }];
  }
  const ofContexts = [...readContexts().all.values()].map(({ tokenFile = '' }) => tokenFile);
  const tokenFiles = [contextsFile(), process.env['KELPIE_TOKEN_FILE'] ?? '', ...ofContexts];
  const facts = { report, endpoint, nowMs: Date.now(), tokenFiles };
  return securityChecks.flatMap(([check, judge]) =>
    judge(facts).map((result) => ({ check, ...result })),
  );
}

/** For the checks of `kelpie doctor`: a warning for a coordinator that was started with --insecure. */
export async function checkInsecure(api: Api, timeoutMs?: number): Promise<Result[]> {
  const options = timeoutMs === undefined ? {} : { timeoutMs };
  // Not every credential may ask, and older coordinators do not have this call.
  const report = await api.messages.access.security(options).catch(() => undefined);
  return report?.insecure === true ? insecurity(report) : [];
}

function withoutReport({ message, reason }: { message: string; reason: string }): Result {
  if (reason === 'RIGHT_MISSING') {
    return failed(
      'this credential may not ask for the security of the coordinator',
      'Use the token of an operator: the report needs the verb INSPECT.',
    );
  }
  return failed(
    `the coordinator gave no report: ${message}`,
    '`kelpie doctor` finds out what stands in the way.',
  );
}

function connection({ report, endpoint }: Facts): Result[] {
  if (report.tls) return ok(`this kelpie reaches ${endpoint} by TLS`);
  if (isLoopback(placeOf(endpoint).host)) return ok(`${endpoint} is on this machine`);
  return [
    failed(
      `this kelpie reaches ${endpoint} in plain text: others on the way read and change everything`,
      'Give kelpied a certificate (kelpied certs makes one), or connect through a tunnel such as ssh -L.',
    ),
  ];
}

function filesOfTokens(paths: readonly string[]): Result[] {
  const files = paths.flatMap((path) => {
    const found = path === '' ? undefined : statSync(path, { throwIfNoEntry: false });
    return found ? [{ path, mode: found.mode }] : [];
  });
  const open = files.filter(({ mode }) => (mode & OF_OTHERS) !== 0);
  if (files.length === 0) return ok('this user has no file with a token');
  if (open.length === 0) return ok(`${files.map(({ path }) => path).join(', ')}: for you alone`);
  return open.map(({ path, mode }) =>
    failed(
      `other users of this machine can use ${path} (mode ${octal(mode & 0o777)})`,
      `chmod 0600 '${path}', and rotate the tokens in it: kelpie token rotate.`,
    ),
  );
}

function encryption({ tls, clientCertificates, publicAddress }: GetSecurityResponse): Result[] {
  const peers = clientCertificates ? ', and peers must show a certificate' : '';
  if (tls) return ok(`connections are encrypted${peers}`);
  if (!publicAddress) return ok('none, and other machines cannot reach the address');
  return [
    failed(
      'other machines reach the address, and nothing is encrypted',
      'Give kelpied --tls-cert and --tls-key (kelpied certs makes them), or let it listen on 127.0.0.1.',
    ),
  ];
}

function certificate({ certificateExpireTime: end }: GetSecurityResponse, nowMs: number): Result[] {
  if (end === undefined) return ok('none');
  const advice =
    'Renew it: kelpied certs --force, or put a new one into its file. kelpied takes it without a restart, but as a service ' +
    'of systemd it gets its files at its start: systemctl restart kelpied.';
  if (end.getTime() <= nowMs) return [failed(`it expired at ${shownTime(end)}`, advice)];
  if (end.getTime() - nowMs < RENEWAL_MS)
    return [warning(`it expires soon, at ${shownTime(end)}`, advice)];
  return ok(`it is good until ${shownTime(end)}`);
}

function insecurity({ insecure }: GetSecurityResponse): Result[] {
  if (!insecure) return ok('kelpied was started without it');
  return [
    warning(
      'kelpied was started with --insecure, so it demands neither TLS nor credentials',
      'Give kelpied a certificate and make credentials, then start it without --insecure.',
    ),
  ];
}

function credentials({ credentials: asks, publicAddress }: GetSecurityResponse): Result[] {
  if (asks) return ok('the coordinator asks every peer for one');
  const advice = 'Make the first one on the machine of kelpied: kelpied token create.';
  if (publicAddress)
    return [failed('there are none: everybody who reaches the address may do everything', advice)];
  return [warning('there are none: every process of its machine may do everything', advice)];
}

function operators(endless: readonly Credential[]): Result[] {
  if (endless.length === 0) return ok('each credential of an operator expires');
  const names = endless.slice(0, LISTED).map(({ name, id }) => `${name} (${id})`);
  const more = endless.length > LISTED ? `, and ${endless.length - LISTED} more` : '';
  return [
    warning(
      `the credentials of these operators never expire: ${names.join(', ')}${more}`,
      'Make one that expires (kelpie token create --ttl 90d), and revoke these.',
    ),
  ];
}

function data({ openPaths }: GetSecurityResponse): Result[] {
  if (openPaths.length === 0) return ok('the user of kelpied alone can read and write it');
  return openPaths.map(({ path, mode, wantedMode }) => {
    const judge = (mode & OF_ALL) === 0 ? warning : failed;
    return judge(
      `other users of its machine can use ${path} (mode ${octal(mode)})`,
      `There: chmod ${octal(wantedMode)} '${path}'. If it had a key, make a new one.`,
    );
  });
}

function metrics({ publicMetrics }: GetSecurityResponse): Result[] {
  if (!publicMetrics) return ok('other machines cannot reach them');
  return [
    warning(
      'other machines reach /metrics and /healthz, which have no TLS and ask for no credential',
      'Serve them on 127.0.0.1, or let a firewall allow the collector alone.',
    ),
  ];
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
