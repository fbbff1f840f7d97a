/** Contexts: endpoints, token and CA by name, in a file of the user's. */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync } from 'node:fs';
import { rmSync, statSync, writeSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse, stringify } from 'yaml';
import { messageOf } from '../../errors.js';
import { endpointsOf } from '../../core/endpoints.js';
import { UsageError } from '../output/output.js';

export interface Context {
  readonly endpoints: readonly string[];
  readonly token?: string;
  /** A file of certificates, for TLS to come. */
  readonly ca?: string;
}

export interface Contexts {
  /** The one that is used unless another is named. */
  readonly current: string | undefined;
  readonly all: ReadonlyMap<string, Context>;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;
/** The file is short; a larger one is another file. */
const MOST_BYTES = 1 << 20;
const OTHERS_WRITE = 0o022;

/** `$XDG_CONFIG_HOME/kelpie/contexts.yaml`, or below `~/.config`. */
export function contextsFile(): string {
  const set = process.env['XDG_CONFIG_HOME'];
  const folder = set?.startsWith('/') ? set : join(homedir(), '.config');
  return join(folder, 'kelpie', 'contexts.yaml');
}

/** Throws a UsageError. */
export function checkContextName(name: string): void {
  if (NAME.test(name)) return;
  throw new UsageError(
    `"${name}" cannot be the name of a context: letters, digits, ".", "_" and "-", at most 63`,
  );
}

/** No contexts where there is no file. Throws a UsageError for a file that cannot be trusted or read. */
export function readContexts(): Contexts {
  const file = contextsFile();
  const text = trustedText(file);
  if (text === undefined) return { current: undefined, all: new Map() };
  try {
    return contextsOf(parse(text));
  } catch (error) {
    throw new UsageError(`${file} cannot be used: ${messageOf(error)}; correct or remove it`);
  }
}

/** Replaces the file in one step, so that a reader sees the old contexts or the new ones. */
export function writeContexts({ current, all }: Contexts): void {
  const file = contextsFile();
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const contexts = Object.fromEntries(
    [...all].map(([name, { endpoints, token, ca }]) => [
      name,
      { endpoint: endpoints.join(','), token, ca },
    ]),
  );
  const next = `${file}.${process.pid}`;
  try {
    rmSync(next, { force: true });
    const open = openSync(next, 'wx', 0o600);
    writeSync(open, stringify({ current, contexts }));
    fsyncSync(open);
    closeSync(open);
    renameSync(next, file);
  } catch (error) {
    rmSync(next, { force: true });
    throw new UsageError(`${file} cannot be written: ${messageOf(error)}`);
  }
}

/** The context of this name. Throws a UsageError that lists the names there are. */
export function contextNamed(name: string, { all }: Contexts): Context {
  const context = all.get(name);
  if (context) return context;
  const names = [...all.keys()].join(', ');
  const advice = names === '' ? 'kelpie context add makes one' : `there are ${names}`;
  throw new UsageError(`there is no context "${name}"; ${advice}`);
}

/** A user who can change the file can send the token and the commands to a machine of their own. */
function trustedText(file: string): string | undefined {
  for (const path of [dirname(file), file]) {
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found) return undefined;
    const mine = [process.getuid?.() ?? found.uid, 0].includes(found.uid);
    if (mine && (found.mode & OTHERS_WRITE) === 0) continue;
    throw new UsageError(
      `${path} can be changed by other users, so its contexts are not used: chmod go-w '${path}', ` +
        'and look at what is in it',
    );
  }
  if (statSync(file).size > MOST_BYTES) throw new UsageError(`${file} is no file of contexts`);
  return readFileSync(file, 'utf8');
}

function contextsOf(parsed: unknown): Contexts {
  const { current, contexts } = recordOf('the file', parsed ?? {});
  const all = Object.entries(recordOf('contexts', contexts ?? {})).map(([name, value]) => {
    checkContextName(name);
    const { endpoint, token, ca } = recordOf(name, value);
    const endpoints = endpointsOf(textOf(`${name}.endpoint`, endpoint));
    const context: Context = {
      endpoints,
      ...(token !== undefined && { token: textOf(`${name}.token`, token) }),
      ...(ca !== undefined && { ca: textOf(`${name}.ca`, ca) }),
    };
    return [name, context] as const;
  });
  return {
    current: current === undefined ? undefined : textOf('current', current),
    all: new Map(all),
  };
}

function recordOf(what: string, value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new Error(`${what} is no mapping`);
}

function textOf(what: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new Error(`${what} is no text`);
}
