/** `kelpie context`: endpoints, token and certificates by name. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { apiAt } from '../api/index.js';
import { messageOf } from '../errors.js';
import { command, type Common, ending } from './command.js';
import {
  changeContexts,
  checkContextName,
  type Context,
  contextNamed,
  readContexts,
} from './input/contexts.js';
import { contextsFile } from './input/contexts-file.js';
import { name } from './input/arguments.js';
import { print, table, UsageError } from './output/output.js';
import { printRecord } from './output/records.js';

/** Its file descriptor. */
const STDIN = 0;

interface AddOptions extends Common {
  readonly token?: string;
  readonly tokenFile?: string;
}

export function contextCommand(): Command {
  const group = new Command('context')
    .description('keep coordinators by name, with their tokens')
    .enablePositionalOptions()
    .addHelpText('after', () => `\nThe contexts are in ${contextsFile()}, for you alone to read.`);
  for (const one of [addCommand(), useCommand(), listCommand(), showCommand(), removeCommand()])
    group.addCommand(one);
  return group;
}

function addCommand(): Command {
  return command('add <name>', 'add a context, or replace it; the first one is used from then on')
    .option(
      '--token <token>',
      'sent with each call, by TLS alone to other machines; - reads it from stdin',
      name,
    )
    .option(
      '--token-file <file>',
      'a file of the token, which each command reads: a rotation changes it alone',
      name,
    )
    .action((added: string, options: AddOptions) => ending(() => add(added, options)));
}

async function add(added: string, options: AddOptions): Promise<void> {
  const { endpoint } = options;
  checkContextName(added);
  if (!endpoint) {
    throw new UsageError(`say where it is: kelpie context add ${added} --endpoint host:port`);
  }
  const context: Context = {
    endpoints: endpoint,
    ...tokenOf(options),
    ...protectionOf(endpoint, options),
  };
  const { current } = await changeContexts(({ current: before, all }) => ({
    current: before !== undefined && all.has(before) ? before : added,
    all: new Map([...all, [added, context]]),
  }));
  print(`Context ${added} is ${endpoint.join(',')}${current === added ? ', and is used' : ''}.`);
}

/** How connections to the context are protected. Throws a UsageError for files that cannot be used. */
function protectionOf([endpoint = '']: readonly string[], options: AddOptions) {
  const files = (['ca', 'cert', 'key'] as const).filter((one) => options[one] !== undefined);
  const protection: Pick<Context, 'ca' | 'cert' | 'key' | 'insecure'> = {
    ...Object.fromEntries(files.map((one) => [one, resolve(options[one] ?? '')])),
    ...(options.insecure === true && { insecure: true }),
  };
  try {
    apiAt(endpoint, protection).close();
    return protection;
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

/** The token. Users who list the processes of the machine see options, but no files and no stdin. */
function tokenOf({ token, tokenFile }: AddOptions): Pick<Context, 'token' | 'tokenFile'> {
  if (token !== undefined && tokenFile !== undefined) {
    throw new UsageError('the token comes from either --token or --token-file');
  }
  if (tokenFile !== undefined) {
    contentOf(tokenFile, tokenFile);
    return { tokenFile: resolve(tokenFile) };
  }
  if (token === undefined) return {};
  return { token: token === '-' ? contentOf(STDIN, 'stdin') : token };
}

/** Throws a UsageError if it has no token in it. */
function contentOf(from: string | number, shown: string): string {
  try {
    const text = readFileSync(from, 'utf8').trim();
    if (text !== '') return text;
  } catch (error) {
    throw new UsageError(`the token cannot be read from ${shown}: ${messageOf(error)}`);
  }
  throw new UsageError(`${shown} has no token in it`);
}

function useCommand(): Command {
  return command('use <context>', 'use a context where nothing else is named').action(
    (used: string) =>
      ending(async () => {
        const changed = await changeContexts((contexts) => {
          contextNamed(used, contexts);
          return { ...contexts, current: used };
        });
        const { endpoints } = contextNamed(used, changed);
        print(`Context ${used} is used: ${endpoints.join(',')}.`);
      }),
  );
}

function listCommand(): Command {
  return command('list', 'list the contexts; tokens are not shown').action((options: Common) =>
    ending(async () => {
      const { current, all } = readContexts();
      const found = [...all].map(([one, context]) => recordOf(one, context, current));
      if (options.output !== 'table') {
        for (const one of found) printRecord(options.output, 'Context', one);
      } else if (found.length === 0) print('There is no context: kelpie context add makes one.');
      else print(table(['NAME', 'ENDPOINT', 'TOKEN', 'CA', 'USED'], found.map(row)));
    }),
  );
}

function showCommand(): Command {
  return command('show [context]', 'show one context; without a name, the one that is used').action(
    (named: string | undefined, { output }: Common) =>
      ending(async () => {
        const contexts = readContexts();
        const wanted = named ?? contexts.current;
        if (wanted === undefined) throw new UsageError('no context is used; name one');
        const record = recordOf(wanted, contextNamed(wanted, contexts), contexts.current);
        if (output !== 'table') printRecord(output, 'Context', record);
        else print(table(['NAME', 'ENDPOINT', 'TOKEN', 'CA', 'USED'], [row(record)]));
      }),
  );
}

function removeCommand(): Command {
  return command('remove <context>', 'remove a context').action((removed: string) =>
    ending(async () => {
      await changeContexts((contexts) => {
        contextNamed(removed, contexts);
        const all = new Map([...contexts.all].filter(([one]) => one !== removed));
        return { current: contexts.current === removed ? undefined : contexts.current, all };
      });
      print(`Context ${removed} is removed.`);
    }),
  );
}

/** Without the token: what is printed may end in a log. */
function recordOf(one: string, context: Context, current: string | undefined) {
  const { endpoints, token, tokenFile, ca, cert, key, insecure } = context;
  const endpoint = endpoints.join(',');
  const hasToken = (token ?? tokenFile) !== undefined;
  return {
    name: one,
    endpoint,
    hasToken,
    tokenFile,
    ca,
    cert,
    key,
    insecure,
    used: one === current,
  };
}

function row(record: ReturnType<typeof recordOf>): string[] {
  const { name: one, endpoint, hasToken, insecure, ca = '-', used } = record;
  return [one, endpoint, hasToken ? 'set' : '-', insecure ? 'insecure' : ca, used ? 'yes' : '-'];
}
