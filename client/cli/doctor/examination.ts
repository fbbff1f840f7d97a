/** The checks of `kelpie doctor`, in the order in which one needs the other. */
import { type Api, apiAt, type ApiOptions } from '../../api/index.js';
import {
  checkHealth,
  checkJournal,
  checkMaintenance,
  checkNodes,
  checkRoundTrip,
  checkVersion,
} from './coordinator.js';
import { checkClock, checkRights, checkToken, type Wanted } from './credential.js';
import { checkHttp2, checkName, checkPort, checkProxy, type Place, placeOf } from './network.js';
import { fromThrown, KelpieError } from '../../errors.js';
import { type Finding, Trouble } from './finding.js';
import { checkTls } from './tls.js';
import { checkInsecure } from './security.js';

type Result = Omit<Finding, 'check'>;

/** How the doctor reaches a coordinator, and what its user wants there. */
export interface Examination extends Wanted {
  readonly reaching: ApiOptions;
  readonly timeoutMs?: number | undefined;
  /** Where the token comes from, for people. */
  readonly tokenFrom?: string | undefined;
}

/** A coordinator that is examined. */
interface Examined extends Examination {
  readonly place: Place;
  readonly api: Api;
}

/** A text is the finding that all is well. Throws Trouble, or RIGHT_MISSING. */
type Check = (examined: Examined) => Promise<string | Result[]>;

export const checks: readonly (readonly [name: string, check: Check])[] = [
  ['name', ({ place }) => checkName(place)],
  ['proxy', async ({ place }) => checkProxy(place)],
  ['port', ({ place }) => checkPort(place)],
  ['TLS', ({ place, api }) => checkTls(place, api)],
  // A connection that TLS encrypts speaks HTTP/2 by then.
  ['gRPC', async ({ place, api }) => (api.encrypted ? 'it speaks HTTP/2' : checkHttp2(place))],
  [
    'token',
    ({ api, reaching, tokenFrom, timeoutMs }) =>
      checkToken(api, { ...reaching, tokenFrom }, timeoutMs),
  ],
  ['clock', ({ api, timeoutMs }) => checkClock(api, timeoutMs)],
  ['rights', (examined) => checkRights(examined.api, examined, examined.timeoutMs)],
  ['health', ({ api, timeoutMs }) => checkHealth(api, timeoutMs)],
  ['version', ({ api, timeoutMs }) => checkVersion(api, timeoutMs)],
  ['round trip', ({ api, timeoutMs }) => checkRoundTrip(api, timeoutMs)],
  ['--insecure', ({ api, timeoutMs }) => checkInsecure(api, timeoutMs)],
  ['journal', ({ api, timeoutMs }) => checkJournal(api, timeoutMs)],
  ['logins', ({ api, timeoutMs }) => checkMaintenance(api, timeoutMs)],
  ['nodes', ({ api, timeoutMs }) => checkNodes(api, timeoutMs)],
];

/** The checks of the way to a coordinator, and of the token that it asks for. */
export const waysChecks = checks.slice(
  0,
  checks.findIndex(([name]) => name === 'clock'),
);

/** Ends with the first check that fails. */
export async function* examine(
  endpoint: string,
  examination: Examination,
  list = checks,
): AsyncGenerator<Finding> {
  let api: Api;
  try {
    api = apiAt(endpoint, examination.reaching);
  } catch (thrown) {
    yield { check: 'TLS', ...unusable(fromThrown(thrown)) };
    return;
  }
  try {
    for (const [check, run] of list) {
      const examined = { ...examination, place: placeOf(endpoint), api };
      const findings = await run(examined).then(listOf, failureOf);
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
  if (thrown instanceof KelpieError && thrown.reason === 'RIGHT_MISSING') {
    const finding = `not checked: it needs the right "${thrown.metadata['right'] ?? '?'}"`;
    return [{ status: 'notChecked', finding }];
  }
  if (!(thrown instanceof Trouble)) throw thrown;
  return [{ status: 'failed', finding: thrown.message, advice: thrown.advice }];
}

/** The certificates of this user cannot be used. */
function unusable({ reason, message }: KelpieError): Result {
  const advice =
    reason === 'FILE_INVALID'
      ? 'Look at its path, its mode and its content. kelpied certs writes the CA into ca.pem: copy that file here, and name ' +
        'it with --ca or KELPIE_CA.'
      : 'Correct the option, the variable or the context.';
  return { status: 'failed', finding: message, advice };
}
