#!/usr/bin/env node
/** The program kelpie: what an operator asks a network, from a shell. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { type Api, reachApi } from '../api.js';
import { fromThrown } from '../errors.js';
import { DEFAULT_ENDPOINT, endpointsOf } from '../options.js';
import { version } from '../version.js';
import { NodeState, NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import { doctor } from './doctor.js';
import { history, type HistoryOptions } from './history.js';
import { info } from './info.js';
import { nodes, type NodesOptions } from './nodes.js';
import { UsageError } from './output.js';
import { publish, type PublishOptions } from './publish.js';
import { tail, type TailOptions } from './tail.js';
import { top, type TopOptions } from './top.js';

interface Common {
  /** The first one that answers is asked. */
  readonly endpoint: readonly string[];
  readonly json: boolean;
}

const program = new Command('kelpie')
  .description('Ask a Kelpie coordinator, and tell it things.')
  .version(version)
  .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 wrong usage.')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

command('nodes', 'list the nodes of the network')
  .option('--role <role>', 'only proxy, downstream or backend', oneOf(NodeRole), [])
  .option('--state <state>', 'only nodes in this state, for example ready', oneOf(NodeState), [])
  .option('--label <name=value>', 'only nodes with this label; may be repeated', pair, {})
  .option('--watch', 'go on with what changes, of all nodes', false)
  .action((options: Common & NodesOptions) => run(options, (api) => nodes(api, options)));

command('tail <topics...>', `follow topics, for example 'chat.>' or 'nodes.*'`)
  .option('--all', 'begin with the history there is', false)
  .option('--since <time>', 'begin with events that are at most this old: 90s, 10m, 2h', age)
  .action((topics: string[], options: Common & TailOptions) =>
    run(options, (api) => tail(api, topics, options)),
  );

command('publish <topic> <message>', 'publish a message')
  .option('--type <type>', 'kind of message, for its readers', '')
  .option('--attribute <name=value>', 'a fact beside the message; may be repeated', pair, {})
  .option('--object', 'the message is a JSON object', false)
  .action((topic: string, message: string, options: Common & PublishOptions) =>
    run(options, (api) => publish(api, topic, message, options)),
  );

command('info', 'show what the coordinator is and how it does').action((options: Common) =>
  run(options, (api) => info(api, options)),
);

command('history <node>', 'show what happened to a node, as far back as the journal reaches')
  .option('--since <time>', 'only what is at most this old: 90s, 10m, 2h, 1d', age)
  .action((node: string, options: Common & HistoryOptions) =>
    run(options, (api) => history(api, node, options)),
  );

command('top', 'watch the sessions of the coordinator: who reads too slowly')
  .option('--interval <seconds>', 'how often to look, 0.1 to 3600', interval, 2)
  .option('--once', 'look once, and end', false)
  .action((options: Common & TopOptions) => run(options, (api) => top(api, options)));

command('doctor', 'check the way to each coordinator, and what it says of itself').action(
  async ({ endpoint, json }: Common) => {
    if (!(await doctor(endpoint, json))) process.exitCode = 1;
  },
);

process.on('SIGINT', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
// A reader that has gone, `kelpie tail … | head -1`, is no error.
process.stdout.on('error', () => process.exit(0));
await program.parseAsync(process.argv);

function command(usage: string, description: string): Command {
  return program
    .command(usage)
    .description(description)
    .addOption(
      new Option('--endpoint <host:port,...>', 'the coordinators; the first that answers is asked')
        .env('KELPIE_ENDPOINTS')
        .argParser(endpoints)
        .default([DEFAULT_ENDPOINT], DEFAULT_ENDPOINT),
    )
    .option('--json', 'print one JSON object a line', false);
}

async function run({ endpoint }: Common, work: (api: Api) => Promise<void>): Promise<void> {
  let api: Api | undefined;
  try {
    api = await reachApi(endpoint);
    await work(api);
  } catch (thrown) {
    process.exitCode = thrown instanceof UsageError ? 2 : 1;
    process.stderr.write(`kelpie: ${explain(thrown)}\n`);
  } finally {
    api?.close();
  }
}

function explain(thrown: unknown): string {
  if (thrown instanceof UsageError) return thrown.message;
  const { reason, message } = fromThrown(thrown);
  return reason === 'UNAVAILABLE' ? message : `${message} (${reason})`;
}

function endpoints(text: string): string[] {
  try {
    return endpointsOf(text === '' ? undefined : text);
  } catch (error) {
    throw new InvalidArgumentError(fromThrown(error).message);
  }
}

function age(text: string): number {
  const [, count, unit] = /^(\d{1,9})(s|m|h|d)$/.exec(text) ?? [];
  const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit ?? ''];
  if (unitMs === undefined) throw new InvalidArgumentError('Write it as 90s, 10m, 2h or 1d.');
  return Number(count) * unitMs;
}

function interval(text: string): number {
  const seconds = Number(text);
  if (seconds >= 0.1 && seconds <= 3600) return seconds;
  throw new InvalidArgumentError('It must be a number of seconds from 0.1 to 3600.');
}

/** Names of an enum, in any case, which may be repeated. */
function oneOf<T extends number>(names: Readonly<Record<string, T>>) {
  return (text: string, known: T[]): T[] => {
    const number = names[text.toUpperCase()];
    if (number !== undefined && number !== 0) return [...known, number];
    const all = Object.keys(names).filter((name) => names[name] !== 0);
    throw new InvalidArgumentError(`It must be one of ${all.join(', ').toLowerCase()}.`);
  };
}

function pair(text: string, known: Record<string, string>): Record<string, string> {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError('Write it as name=value.');
  }
  return { ...known, [name]: value };
}
