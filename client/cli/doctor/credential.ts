/** Checks of what this user shows of themselves: the token, its network, its rights, and the clock that it expires by. */
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Api, OwnCredential, Rights } from '../../api/index.js';
import { hasTokenForm } from '../../core/token.js';
import { fromThrown, type KelpieError } from '../../errors.js';
import { answered } from './coordinator.js';
import { type Finding, Trouble } from './finding.js';
import { duration, shownTime } from '../output/output.js';
import { inWords } from '../output/rules.js';

type Result = Omit<Finding, 'check'>;

/** The credential that this user shows. */
export interface Shown {
  readonly token?: string;
  readonly tokenFile?: string;
  /** The certificate of this client: its text, or its file. */
  readonly cert?: string;
  /** Where the token comes from, for people. */
  readonly tokenFrom?: string | undefined;
}

/** The use that the user has in mind for the credential. */
export interface Wanted {
  readonly network?: string;
  readonly node?: string;
  readonly role?: readonly string[];
}

const OTHERS = 0o077;
const DAY_MS = 24 * 60 * 60 * 1000;
/** A credential that expires sooner is worth a warning. */
const SOON_MS = 7 * DAY_MS;
/** Clocks that differ by less do no harm. */
const CLOCK_MS = 5 * 60 * 1000;

const NEW_TOKEN = 'An operator makes a new one: kelpie token rotate, or kelpie token create.';
/** A rotation changes the token, and not the end of its credential. */
const NEW_CREDENTIAL = 'An operator makes another credential before that: kelpie token create.';

const READ = 'kelpied asks for certificates only if it was started with --tls-client-ca.';

const OWN_TOKEN =
  'Give it to a node as its join token (KELPIE_JOIN_TOKEN), and show here the token of the node, or one of your own.';

export async function checkToken(api: Api, shown: Shown, timeoutMs?: number): Promise<Result[]> {
  const file = shown.tokenFile === undefined ? [] : checkTokenFile(shown.tokenFile);
  checkForm(shown);
  const own = await ownOf(api, timeoutMs, (error) => troubleOf(error, shown));
  return [...(own ? findings(own, shown) : [{ status: 'ok', finding: OLD } as const]), ...file];
}

const OLD = 'not asked for: the coordinator is of a version without credentials';

function findings({ credential, time }: OwnCredential, { tokenFrom }: Shown): Result[] {
  if (!credential) {
    return [{ status: 'ok', finding: 'not asked for: the coordinator has no credentials' }];
  }
  const { name, id, network, expireTime, join } = credential;
  if (join) throw new Trouble(`${name} is a join token: it is good for joining alone`, OWN_TOKEN);
  const leftMs = expireTime && time ? expireTime.getTime() - time.getTime() : Infinity;
  const expiry = expireTime ? `expires ${shownTime(expireTime)}` : 'never expires';
  const from = tokenFrom === undefined ? '' : `; from ${tokenFrom}`;
  const finding = `${name} (${id}), network ${network}, ${expiry}${from}`;
  if (leftMs > SOON_MS) return [{ status: 'ok', finding }];
  const advice = `It ends in ${duration(leftMs / 1000)}. ${NEW_CREDENTIAL}`;
  return [{ status: 'warning', finding, advice }];
}

/** A file that others can read gives its token away. */
function checkTokenFile(path: string): Result[] {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
  if (process.platform === 'win32' || (mode & OTHERS) === 0) return [];
  const shown = (mode & 0o777).toString(8).padStart(4, '0');
  const finding = `other users can read the token file ${path} (mode ${shown})`;
  return [{ status: 'warning', finding, advice: `chmod 600 '${path}', and rotate the token.` }];
}

/** Checks the form of a token before anybody gets it. Throws Trouble. */
function checkForm({ token, tokenFile, tokenFrom }: Shown): void {
  const text = token ?? (tokenFile === undefined ? undefined : contentOf(tokenFile));
  if (text === undefined || hasTokenForm(text)) return;
  const named = tokenFrom === undefined ? 'the token' : `the token of ${tokenFrom}`;
  const from = tokenFile === undefined ? named : `the content of ${tokenFile}`;
  throw new Trouble(
    `${from} is no token of a coordinator: a token is klp_ and 43 letters, digits, "_" and "-"`,
    'Copy it again, all of it. A password or an id of a credential is no token.',
  );
}

function contentOf(tokenFile: string): string {
  try {
    return readFileSync(tokenFile, 'utf8').trim();
  } catch (error) {
    throw new Trouble(
      `the token file ${tokenFile} cannot be read (${(error as NodeJS.ErrnoException).code ?? ''})`,
      'Look at its path and its mode, or write the token into it: kelpie token rotate --token-file.',
    );
  }
}

function troubleOf({ reason, message, metadata }: KelpieError, shown: Shown): Trouble | undefined {
  const named = shown.tokenFrom === undefined ? 'the token' : `the token of ${shown.tokenFrom}`;
  switch (reason) {
    case 'CREDENTIAL_REQUIRED':
      return new Trouble(
        'the token is missing: the coordinator asks for one, and none is set',
        'Set KELPIE_TOKEN or KELPIE_TOKEN_FILE, or store the token: kelpie context add. An operator makes one with ' +
          'kelpie token create; on the machine of the coordinator kelpied token create makes the first one.',
      );
    case 'CREDENTIAL_EXPIRED':
      return expired(message, named);
    case 'CREDENTIAL_INVALID':
      return new Trouble(
        `the coordinator does not know ${named}, or it needs another client certificate`,
        `${certificateAdvice(shown)} Otherwise the token was revoked, is mistyped, or is that of another coordinator. ` +
          NEW_TOKEN,
      );
    case 'AUTHENTICATION_LIMIT':
      return new Trouble(
        `too many wrong tokens came from this address (limit ${metadata['limit'] ?? '?'})`,
        'Find the program that shows a wrong token, stop it, and try again in a minute.',
      );
    default:
      return undefined;
  }
}

/** The coordinator says which of the two has expired: the credential, or its token. */
function expired(message: string, named: string): Trouble {
  const [what = message, ...advice] = message.split('; ');
  return new Trouble(`${named} is not good any more: ${what}`, sentence(advice.join('; ')));
}

function sentence(text: string): string {
  return text === '' ? NEW_TOKEN : `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function certificateAdvice({ cert }: Shown): string {
  if (cert === undefined) {
    return `No client certificate is given: if the credential demands one, name it with --cert and --key. ${READ}`;
  }
  return `The client certificate is "${commonNameOf(cert)}": kelpie token show says which one the credential demands. ${READ}`;
}

function commonNameOf(pemOrPath: string): string {
  try {
    const pem = pemOrPath.includes('-----BEGIN ') ? pemOrPath : readFileSync(pemOrPath);
    const { subject } = new X509Certificate(pem);
    return /(?:^|\n)CN=(.*)/.exec(subject)?.[1] ?? subject;
  } catch {
    return pemOrPath;
  }
}

/** Only where the clocks differ: certificates and credentials expire at other times than people think. */
export async function checkClock(api: Api, timeoutMs?: number): Promise<Result[]> {
  const startedMs = Date.now();
  const time = (await ownOf(api, timeoutMs))?.time;
  if (!time) return [];
  const hereMs = (startedMs + Date.now()) / 2;
  const aheadMs = hereMs - time.getTime();
  if (Math.abs(aheadMs) < CLOCK_MS) return [];
  const how = `${duration(Math.abs(aheadMs) / 1000)} ${aheadMs > 0 ? 'ahead of' : 'behind'}`;
  return [
    {
      status: 'warning',
      finding: `the clock of this machine is ${how} the clock of the coordinator`,
      advice: 'Set both by NTP: certificates and credentials expire by them.',
    },
  ];
}

/** Only where the user names what they want. */
export async function checkRights(api: Api, wanted: Wanted, timeoutMs?: number): Promise<Result[]> {
  const own = await ownOf(api, timeoutMs);
  if (!own) return [];
  checkNetwork(own, wanted);
  const { node, role: roles = [] } = wanted;
  if (!own.credential || (node === undefined && roles.length === 0)) return [];
  const { name, rights } = own.credential;
  const missing = missingOf(rights, wanted);
  if (missing.length > 0) {
    throw new Trouble(
      `the credential ${name} lacks a right: ${missing.join(' and ')}`,
      'kelpie token own shows its rights. An operator makes another one: kelpie token create with --preset, or with ' +
        '--node, --role and --read.',
    );
  }
  return [{ status: 'ok', finding: `${name} may be ${node ?? inWords(roles.join(', '))}` }];
}

function checkNetwork(own: OwnCredential, { network }: Wanted): void {
  if (network === undefined || own.network === network) return;
  throw new Trouble(
    `the token is of the network ${own.network}, and not of ${network}`,
    `Use a token that an operator of the network ${network} made: the credential decides the network.`,
  );
}

/** The topics that each client of Kelpie reads. */
const ROSTER = ['nodes.*', 'routing', 'kelpie.settings'];

/** `node hub-1`, `role proxy`, `read nodes.*`. */
function missingOf(rights: Rights, { node, role: roles = [] }: Wanted): string[] {
  const { nodeNames, roles: granted, readTopics } = rights;
  const isNode = node === undefined || nodeNames.some((pattern) => fits(pattern, node));
  const others = roles.filter((one) => !granted.some((role) => role === one));
  const unread = ROSTER.filter((topic) => !readTopics.some((pattern) => covers(pattern, topic)));
  return [
    ...(isNode ? [] : [`node ${node}`]),
    ...others.map((one) => `role ${inWords(one)}`),
    ...unread.map((topic) => `read ${topic}`),
  ];
}

/** For a topic of the roster, which no wildcard as first token covers. */
function covers(pattern: string, topic: string): boolean {
  const [first = '', ...rest] = topic.split('.');
  return pattern === topic || (rest.length > 0 && [`${first}.*`, `${first}.>`].includes(pattern));
}

/** `*` stands for any letters. */
function fits(pattern: string, node: string): boolean {
  const parts = pattern
    .toLowerCase()
    .split('*')
    .map((part) => part.replaceAll(/[^a-z0-9_-]/g, ''));
  return new RegExp(`^${parts.join('[a-z0-9_-]*')}$`).test(node.toLowerCase());
}

/** Undefined: the coordinator is of a version without credentials. */
async function ownOf(
  api: Api,
  timeoutMs?: number,
  troubleFor: (error: KelpieError) => Trouble | undefined = () => undefined,
): Promise<OwnCredential | undefined> {
  try {
    return await api.access.own({ ...(timeoutMs !== undefined && { timeoutMs }) });
  } catch (thrown) {
    const error = fromThrown(thrown);
    if (error.reason === 'NOT_A_COORDINATOR') return undefined;
    const trouble = troubleFor(error);
    if (trouble) throw trouble;
    return answered(timeoutMs, () => Promise.reject(error));
  }
}
