/** The common part of all commands: the options that stand anywhere, the connection, and the exit code. */
import { Command, Help, InvalidArgumentError, Option } from 'commander';
import { type Api, reachApi } from '../api/api.js';
import { DEFAULT_ENDPOINT } from '../core/endpoints.js';
import { nearest } from '../core/nearest.js';
import { endpoints, name, oneOf, pair, timeout } from './input/arguments.js';
import { nearNames } from './input/nearest.js';
import { placeOf, type PlaceOptions } from './input/place.js';
import { NodeRole, NodeState } from '../../gen/ts/kelpie/v1/node.js';
import { type FailureReason, fromThrown } from '../errors.js';
import { explain, UsageError, warn } from './output/output.js';
import { hasWritten } from './output/terminal.js';
import { type Format, FORMATS } from './output/records.js';

/** The options that every command has. */
export interface Common extends PlaceOptions {
  readonly output: Format;
  /** In milliseconds. */
  readonly timeout?: number;
}

const EVERYWHERE = [
  ...['endpoint', 'context', 'ca', 'cert', 'key', 'tls', 'insecure'],
  ...['timeout', 'output', 'json'],
];

/** `usage`: the command's name, and its arguments. */
export function command(usage: string, description: string): Command {
  const [given = '', ...args] = usage.split(' ');
  const made = new Command(given).description(description);
  for (const arg of args) made.argument(arg);
  return made;
}

/** A command, and the commands below it, with the common options and the settings of the command above. */
export function settled(one: Command, above: Command): Command {
  withCommon(one).copyInheritedSettings(above);
  for (const below of one.commands) settled(below, one);
  if (one.commands.length > 0) one.hook('preSubcommand', refuseUnknown);
  return one;
}

/** A group gives a word that it does not know to its default command, which would call it an argument too many. */
function refuseUnknown(group: Command): void {
  const [word = '-'] = group.args;
  const known = group.commands.map((one) => one.name());
  if (word.startsWith('-') || known.includes(word)) return;
  const [near] = nearest(word, known);
  const help = near === undefined ? '' : `\n(Did you mean ${near}?)`;
  group.error(`error: unknown command '${word}'${help}`, { code: 'commander.unknownCommand' });
}

/** Adds the options that every command has. */
export function withCommon(to: Command): Command {
  const common = [
    new Option(
      '--endpoint <host:port,...>',
      `the coordinators; the first that answers is asked (default: ${DEFAULT_ENDPOINT})`,
    ).argParser(endpoints),
    new Option('--context <context>', 'a context of kelpie context, in place of --endpoint'),
    new Option('--ca <file>', 'the CA of the coordinators').argParser(name),
    new Option('--cert <file>', 'the certificate of this client, if they demand one').argParser(
      name,
    ),
    new Option('--key <file>', 'the private key of --cert').argParser(name),
    new Option('--tls', 'use TLS on this machine too, with the CAs that Node.js trusts'),
    new Option('--insecure', 'send all in plain text, also to other machines'),
    new Option(
      '--timeout <time>',
      'how long it may take: 500ms, 10s, at most 5m (default: 10s)',
    ).argParser(timeout),
    new Option(
      '-o, --output <format>',
      'table (default), or json or yaml: the JSON form of protobuf',
    )
      .argParser(format)
      .default('table'),
    new Option('--json', 'the same as -o json').implies({ output: 'json' }),
  ];
  for (const option of common) to.addOption(option.helpGroup('Options of every command:'));
  return to;
}

/**
 * The common options stand before the command or after it. If they stand in both places, those after it
 * count.
 */
export function inheritCommon(asked: Command): void {
  for (let above = asked.parent; above; above = above.parent) {
    for (const option of EVERYWHERE) {
      const source = above.getOptionValueSource(option);
      const own = asked.getOptionValueSource(option);
      if (!isGiven(source) || isGiven(own)) continue;
      asked.setOptionValueWithSource(option, above.getOptionValue(option), source);
    }
  }
}

function isGiven(source: string | undefined): boolean {
  return source === 'cli' || source === 'implied';
}

/** Help without defaults that only mean that the option was not given. */
export function described(option: Option): string {
  return new Help()
    .optionDescription(option)
    .replace(/ \(default: (?:\[\]|\{\}|""|false|0|"table")\)$/, '');
}

function format(text: string): Format {
  const found = FORMATS.find((one) => one === text);
  if (found) return found;
  throw new InvalidArgumentError(`It must be one of ${FORMATS.join(', ')}.`);
}

/** Options that choose nodes. */
export function selecting(to: Command): Command {
  return to
    .option('--role <role>', 'only proxy, downstream or service', oneOf(NodeRole), [])
    .option('--state <state>', 'only nodes in this state, for example ready', oneOf(NodeState), [])
    .option('--label <name=value>', 'only nodes with this label; may be repeated', pair, {});
}

/** Options that choose a place where players are. */
export function among(to: Command): Command {
  return to
    .option('--server <server>', 'all on this server', name)
    .option('--proxy <proxy>', 'all on this proxy', name)
    .option('--label <name=value>', 'all on servers with this label; may be repeated', pair, {});
}

/** Runs a command that may fail in part: `work` resolves with whether all of it succeeded. */
export function act(options: Common, work: (api: Api) => Promise<boolean>): Promise<void> {
  process.exitCode = 1;
  return ask(options, async (api) => {
    if (await work(api)) process.exitCode = 0;
  });
}

/** Runs a command that asks a coordinator, and may change something. */
export function ask(options: Common, work: (api: Api) => Promise<void>): Promise<void> {
  return ending(async () => {
    const api = await reached(options);
    try {
      await work(api);
    } catch (thrown) {
      await failAt(api, thrown, remedies);
    } finally {
      api.close();
    }
  });
}

/** Runs a command that changes nothing. If the coordinator goes away before something is printed, asks the next one. */
export function askAny(options: Common, work: (api: Api) => Promise<void>): Promise<void> {
  return ending(async () => {
    let api = await reached(options);
    for (let others = api.next.length - 1; ; others--) {
      try {
        await work(api);
        break;
      } catch (thrown) {
        const isGone = GONE.includes(fromThrown(thrown).reason);
        if (!isGone || hasWritten || others <= 0) {
          await failAt(api, thrown, { ...remedies, UNAVAILABLE: '; the coordinator went away' });
          break;
        }
        api = await api.reachNext();
      }
    }
    api.close();
  });
}

const GONE: readonly FailureReason[] = ['UNAVAILABLE', 'DRAINING'];

function reached({ timeout: timeoutMs, ...options }: Common): Promise<Api> {
  const { endpoints: all, ...place } = placeOf(options);
  return reachApi(all, { ...place, ...(timeoutMs !== undefined && { timeoutMs }) });
}

async function failAt(api: Api, thrown: unknown, advice: Remedies): Promise<void> {
  const near = await nearNames(api, thrown);
  fail(
    thrown,
    near.length === 0
      ? (advice[fromThrown(thrown).reason] ?? '')
      : `; did you mean ${near.join(' or ')}?`,
  );
}

/** Runs a command, and reports an error with its exit code. */
export async function ending(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    fail(thrown, '');
  }
}

type Remedies = Readonly<Partial<Record<FailureReason, string>>>;

/** The advice for errors that have the same meaning in all commands. */
const remedies: Remedies = {
  // Nobody knows whether the call was done.
  UNAVAILABLE: '; the coordinator went away during the command, and may have done it',
  CREDENTIAL_REQUIRED:
    '; an operator makes a token with kelpie token create, and the first one is made on its machine with kelpied token ' +
    'create; set it as KELPIE_TOKEN, or store it with kelpie context add',
  CREDENTIAL_INVALID: '; kelpie doctor says more',
  RIGHT_MISSING: '; kelpie token own shows your rights',
};

function fail(thrown: unknown, advice: string): void {
  process.exitCode = thrown instanceof UsageError ? 2 : 1;
  warn(`${explain(thrown)}${advice}`);
}
