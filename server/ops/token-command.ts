/** `kelpied token`: the credentials in a data directory, also while a coordinator runs on it. */
import { Credential, Rights } from '../../gen/ts/kelpie/v1/access.js';
import {
  CreateCredentialResponse,
  ListCredentialsResponse,
} from '../../gen/ts/kelpie/v1/access_service.js';
import { Credentials } from '../access/credentials.js';
import { machineOf } from '../access/draft.js';
import { requestOf } from '../access/token-options.js';
import type { Clock } from '../core/clock.js';
import { durationOf } from '../core/duration.js';
import { printable } from '../core/printable.js';
import type { CredentialStore } from '../journal/credential-store.js';
import { defaultLimits } from '../network/limits.js';
import { credentialPlace } from './credential-place.js';
import { TokenFile } from './token-file.js';
import { aligned } from './config/print.js';
import type { Settings } from './config/settings.js';
import type { CreateTask, TokenTask } from './config/token-task.js';

/** The lifetime of a join token for which no time is given. */
const JOIN_TTL_MS = 3_600_000;
const PAGE = 1000;

/** The outcome of a task, as text for people and as JSON for programs. */
interface Outcome {
  readonly text: string;
  readonly json: unknown;
  /** The new token, if there is one. */
  readonly token?: string;
}

/** Runs the task and prints its outcome. Resolves with the exit code: 0, 1 for an error, or 2 for wrong usage. */
export async function runTokenTask(
  task: TokenTask,
  settings: Settings,
  clock: Clock,
): Promise<number> {
  let file: TokenFile | undefined;
  try {
    if (task.tokenFile !== undefined)
      file = new TokenFile(task.tokenFile, task.action === 'rotate');
  } catch (error) {
    complain(error);
    return 2;
  }
  try {
    const place = credentialPlace(settings, clock, task.action === 'create');
    const { text, json, token } = await place.use((store) =>
      withCredentials(store, clock, (credentials) =>
        outcomeOf(task, { credentials, file, place: place.name, nowMs: clock.wall() }),
      ),
    );
    // Not as the owner of the data: the file is for the user who asked.
    if (token !== undefined) file?.write(token);
    const output = task.json ? `${JSON.stringify(json)}\n` : text;
    process.stdout.write(output.split('\n').map(printable).join('\n'));
    return 0;
  } catch (error) {
    complain(error);
    return 1;
  } finally {
    file?.close();
  }
}

async function withCredentials(
  store: CredentialStore,
  clock: Clock,
  work: (credentials: Credentials) => Promise<Outcome>,
): Promise<Outcome> {
  const credentials = await Credentials.open(store, {
    ...{ clock, limits: defaultLimits },
    onFault: complain,
  });
  try {
    return await work(credentials);
  } finally {
    await credentials.close();
  }
}

/** The parts that a task works with. */
interface Parts {
  readonly credentials: Credentials;
  readonly file: TokenFile | undefined;
  /** For people. */
  readonly place: string;
  readonly nowMs: number;
}

async function outcomeOf(task: TokenTask, parts: Parts): Promise<Outcome> {
  const { credentials, file, place, nowMs } = parts;
  const granter = machineOf(task.network);
  const { network } = granter;
  switch (task.action) {
    case 'create': {
      const isFirst = !credentials.asks;
      const made = await credentials.create(requestFor(task), granter);
      return handedOut(made, file, [...(isFirst ? closing(place) : []), ...powers(task)]);
    }
    case 'rotate': {
      const { id } = await named(credentials, network, task.which);
      const overlap = durationOf(task.overlapMs);
      return handedOut(await credentials.rotate({ id, overlap }, granter), file, []);
    }
    case 'show': {
      const credential = await named(credentials, network, task.which);
      return { text: shown(credential), json: Credential.toJSON(credential) };
    }
    case 'revoke': {
      const { id } = await named(credentials, network, task.which);
      const credential = await credentials.revoke(id, granter);
      const text = `The credential "${credential.name}" (${credential.id}) is revoked.\n`;
      return { text, json: Credential.toJSON(credential) };
    }
    case 'list':
      return listed(await allOf(credentials, network), nowMs);
  }
}

/** The credential with this id, or the only one with this name. */
async function named(
  credentials: Credentials,
  network: string,
  which: string,
): Promise<Credential> {
  const all = await allOf(credentials, network);
  const found = all.filter(({ id, name }) => id === which || name === which.toLowerCase());
  const [only, ...others] = found;
  if (!only) {
    throw new Error(
      `no credential of the network ${network} has the id or the name "${which}"; kelpied token list shows them`,
    );
  }
  if (others.length === 0) return only;
  const ids = found.map(({ id }) => id).join(', ');
  throw new Error(
    `${found.length} credentials have the name "${which}"; name one by its id: ${ids}`,
  );
}

/** The change that the first credential makes. */
function closing(place: string): string[] {
  return [
    `It is the first credential in ${place}. A kelpied that runs with it asks every peer for a ` +
      'credential from now on, for ever: it ends all sessions without one within 5 s.',
  ];
}

function powers({ preset }: CreateTask): string[] {
  if (preset !== 'operator') return [];
  return [
    'It is an operator (--preset operator, the default): it may do everything in its network.',
  ];
}

function requestFor(task: CreateTask) {
  const { preset, node, ttl, certificate, join, uses, joinedTtl = 0 } = task;
  const ttlMs = ttl ?? (join ? JOIN_TTL_MS : undefined);
  return requestOf({
    name: task.name ?? preset,
    preset,
    rights: Rights.fromPartial({ nodeNames: node }),
    ...(ttlMs !== undefined && { ttlMs }),
    ...(certificate !== undefined && { certificateName: certificate }),
    ...(join && { join: { uses, credentialSeconds: joinedTtl / 1000 } }),
  });
}

async function allOf(credentials: Credentials, network: string): Promise<Credential[]> {
  const all: Credential[] = [];
  let pageToken = '';
  do {
    const page = await credentials.list(network, { pageSize: PAGE, pageToken });
    all.push(...page.items);
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return all;
}

/** The token is printed, unless it goes into the file. */
function handedOut(
  { credential = Credential.create(), token }: CreateCredentialResponse,
  file: TokenFile | undefined,
  remarks: readonly string[],
): Outcome {
  const first = file ? `${file.path} has the token of` : `${token}\n\nThis is the token of`;
  const use = credential.join
    ? `Give it to new nodes as KELPIE_JOIN_TOKEN. ${credential.join.uses} of them may join.`
    : 'Give it to its peer, who shows it as KELPIE_TOKEN, or from the file KELPIE_TOKEN_FILE.';
  const text = `${first} "${credential.name}" (${credential.id}, network ${credential.network}, expires ${expiryOf(credential)}).
Nobody can see it again: kelpied keeps its hash alone. ${use}
${remarks.map((one) => `\n${one}\n`).join('')}`;
  const made = CreateCredentialResponse.fromPartial({ credential, token: file ? '' : token });
  return { text, json: CreateCredentialResponse.toJSON(made), token };
}

/** The columns of `kelpie token list`. */
function listed(credentials: Credential[], nowMs: number): Outcome {
  const rows = credentials.map((one) => [
    one.id,
    one.name,
    one.preset === '' ? '-' : one.preset,
    one.rights?.nodeNames.length ? one.rights.nodeNames.join(', ') : '-',
    `${isOver(one, nowMs) ? 'expired ' : ''}${expiryOf(one)}`,
    kindOf(one),
    one.createdBy,
  ]);
  const titles = ['ID', 'NAME', 'PRESET', 'NODES', 'EXPIRES', 'KIND', 'MADE BY'];
  const response = ListCredentialsResponse.fromPartial({ credentials });
  return { text: aligned([titles, ...rows]), json: ListCredentialsResponse.toJSON(response) };
}

function kindOf({ join: terms, hasToken, certificateName }: Credential): string {
  if (terms) return `join token, ${terms.uses === 0 ? 'used up' : `${terms.uses} left`}`;
  if (certificateName === '') return 'token';
  return hasToken ? 'token and certificate' : 'certificate';
}

function isOver({ expireTime }: Credential, nowMs: number): boolean {
  return expireTime !== undefined && expireTime.getTime() <= nowMs;
}

function shown(credential: Credential): string {
  const facts = Credential.toJSON(credential) as Record<string, unknown>;
  const { rights = {}, ...own } = facts as { rights?: Record<string, unknown> };
  const rows = Object.entries({ ...own, ...rights }).map(([name, value]) => [
    name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`),
    Array.isArray(value) ? value.join(', ') : textOf(value),
  ]);
  return aligned(rows);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function expiryOf({ expireTime }: Credential): string {
  return expireTime ? expireTime.toISOString().replace(/\.\d+Z$/, 'Z') : 'never';
}

function complain(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`kelpied: ${printable(message)}\n`);
}
