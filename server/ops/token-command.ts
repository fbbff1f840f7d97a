/** `kelpied token`: the credentials in a data directory, also while a coordinator runs on it. */
import { resolve } from 'node:path';
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
import { FileCredentialStore } from '../journal/file/file-credential-store.js';
import { defaultLimits } from '../network/limits.js';
import { asOwner } from './as-owner.js';
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

/** Runs the task and prints its outcome. Resolves with the exit code: 0, or 1 for an error. */
export async function runTokenTask(
  task: TokenTask,
  { journal, data }: Pick<Settings, 'journal' | 'data'>,
  clock: Clock,
): Promise<number> {
  try {
    if (journal === 'memory') {
      throw new Error(
        'with the journal in memory the credentials are in memory too, and end with kelpied; use --journal file',
      );
    }
    const file = task.tokenFile === undefined ? undefined : new TokenFile(task.tokenFile);
    try {
      const { text, json, token } = await asOwner(data, () =>
        withCredentials(data, clock, (credentials) => outcomeOf(task, credentials, file)),
      );
      // Not as the owner of the data: the file is for the user who asked.
      if (token !== undefined) file?.write(token);
      const output = task.json ? `${JSON.stringify(json)}\n` : text;
      process.stdout.write(output.split('\n').map(printable).join('\n'));
      return 0;
    } finally {
      file?.close();
    }
  } catch (error) {
    complain(error);
    return 1;
  }
}

async function withCredentials(
  data: string,
  clock: Clock,
  work: (credentials: Credentials) => Promise<Outcome>,
): Promise<Outcome> {
  // The absolute path: the operator may not know in which folder the coordinator runs.
  const store = new FileCredentialStore(resolve(data), clock);
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

async function outcomeOf(
  task: TokenTask,
  credentials: Credentials,
  file: TokenFile | undefined,
): Promise<Outcome> {
  const granter = machineOf(task.network);
  const { network } = granter;
  switch (task.action) {
    case 'create':
      return handedOut(await credentials.create(requestFor(task), granter), file);
    case 'rotate': {
      const overlap = durationOf(task.overlapMs);
      return handedOut(await credentials.rotate({ id: task.id, overlap }, granter), file);
    }
    case 'show': {
      const credential = credentials.get(network, task.id);
      return { text: shown(credential), json: Credential.toJSON(credential) };
    }
    case 'revoke': {
      const credential = await credentials.revoke(network, task.id);
      const text = `The credential "${credential.name}" (${credential.id}) is revoked.\n`;
      return { text, json: Credential.toJSON(credential) };
    }
    case 'list':
      return listed(await allOf(credentials, network));
  }
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
): Outcome {
  const first = file ? `${file.path} has the token of` : `${token}\n\nThis is the token of`;
  const use = credential.join
    ? `Give it to new nodes as their join token. ${credential.join.uses} of them may join.`
    : 'Give it to its peer, who shows it as KELPIE_TOKEN, or from the file KELPIE_TOKEN_FILE.';
  const text = `${first} "${credential.name}" (${credential.id}, network ${credential.network}, expires ${expiryOf(credential)}).
Nobody can see it again: kelpied keeps its hash alone. ${use}

kelpied asks every peer for a credential now.
`;
  const made = CreateCredentialResponse.fromPartial({ credential, token: file ? '' : token });
  return { text, json: CreateCredentialResponse.toJSON(made), token };
}

function listed(credentials: Credential[]): Outcome {
  const rows = credentials.map((one) => [
    one.id,
    one.name,
    one.preset === '' ? '-' : one.preset,
    one.rights?.nodeNames.join(', ') ?? '',
    one.join ? `join token, ${one.join.uses} left` : '',
    expiryOf(one),
  ]);
  const text = aligned([['ID', 'NAME', 'PRESET', 'NODES', 'KIND', 'EXPIRES'], ...rows]);
  const response = ListCredentialsResponse.fromPartial({ credentials });
  return { text, json: ListCredentialsResponse.toJSON(response) };
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
  return expireTime ? expireTime.toISOString() : 'never';
}

function complain(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`kelpied: ${printable(message)}\n`);
}
