/** Contexts: endpoints, token and certificates by name, in a file of the user's. */
import { isAlias, LineCounter, parseDocument, stringify, visit } from 'yaml';
import { messageOf } from '../../errors.js';
import { endpointsOf } from '../../core/endpoints.js';
import { UsageError } from '../output/output.js';
import { contextsFile, readContextsText, withContextsLock } from './contexts-file.js';

export interface Context {
  readonly endpoints: readonly string[];
  readonly token?: string;
  /** A file of the token, which each command reads. */
  readonly tokenFile?: string;
  /** The files of the CA, and of the certificate of this client with its key. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Plain text also to other machines. */
  readonly insecure?: boolean;
}

export interface Contexts {
  /** The one that is used unless another is named. */
  readonly current: string | undefined;
  readonly all: ReadonlyMap<string, Context>;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;

/** Throws a UsageError. */
export function checkContextName(name: string): void {
  if (NAME.test(name)) return;
  throw new UsageError(
    `"${name}" cannot be the name of a context: letters, digits, ".", "_" and "-", at most 63`,
  );
}

/** No contexts where there is no file. Throws a UsageError for a file that cannot be trusted or read. */
export function readContexts(): Contexts {
  const text = readContextsText();
  if (text === undefined) return { current: undefined, all: new Map() };
  try {
    return contextsOf(parsed(text));
  } catch (error) {
    const file = contextsFile();
    throw new UsageError(`${file} cannot be used: ${messageOf(error)}; correct or remove it`);
  }
}

/** Stores the contexts as `change` makes them, and resolves with them. Rejects with a UsageError. */
export function changeContexts(change: (contexts: Contexts) => Contexts): Promise<Contexts> {
  return withContextsLock((replaceText) => {
    const changed = change(readContexts());
    const { current, all } = changed;
    const contexts = Object.fromEntries(
      [...all].map(([name, { endpoints, ...rest }]) => [
        name,
        { endpoint: endpoints.join(','), ...rest },
      ]),
    );
    replaceText(stringify({ current, contexts }));
    return changed;
  });
}

/** The context of this name. Throws a UsageError that lists the names there are. */
export function contextNamed(name: string, { all }: Contexts): Context {
  const context = all.get(name);
  if (context) return context;
  const names = [...all.keys()].join(', ');
  const advice = names === '' ? 'kelpie context add makes one' : `there are ${names}`;
  throw new UsageError(`there is no context "${name}"; ${advice}`);
}

/** Errors name the place alone: the messages of the parser may show a token. */
function parsed(text: string): unknown {
  const lineCounter = new LineCounter();
  const options = { prettyErrors: false, logLevel: 'error', lineCounter } as const;
  const document = parseDocument(text, options);
  const [fault] = [...document.errors, ...document.warnings];
  if (fault) throw unreadable('has no valid YAML', lineCounter, fault.pos[0]);
  visit(document, (_, node) => {
    if (isAlias(node)) throw unreadable('has an alias', lineCounter, node.range?.[0] ?? 0);
  });
  return document.toJS();
}

function unreadable(what: string, lineCounter: LineCounter, offset: number): Error {
  const { line, col } = lineCounter.linePos(offset);
  return new Error(`line ${line} ${what} at column ${col}`);
}

function contextsOf(file: unknown): Contexts {
  const { current, contexts } = recordOf('the file', file ?? {});
  const all = Object.entries(recordOf('contexts', contexts ?? {})).map(([name, value]) => {
    checkContextName(name);
    const { endpoint, insecure, ...rest } = recordOf(name, value);
    const texts = ['token', 'tokenFile', 'ca', 'cert', 'key'].filter(
      (field) => rest[field] !== undefined,
    );
    const context: Context = {
      endpoints: endpointsOf(textOf(`${name}.endpoint`, endpoint)),
      ...Object.fromEntries(texts.map((one) => [one, textOf(`${name}.${one}`, rest[one])])),
      ...(insecure === true && { insecure }),
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
