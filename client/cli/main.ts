#!/usr/bin/env node
/** The program kelpie: what an operator asks a network, from a shell. */
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { Command, CommanderError, Help, Option } from 'commander';
import { type Api, reachApi } from './input/calls.js';
import { DEFAULT_ENDPOINT } from '../core/endpoints.js';
import { version } from '../core/version.js';
import { NodeState, NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import {
  age,
  count,
  endpoints,
  interval,
  name,
  names,
  oneOf,
  pair,
  span,
  timeout,
} from './input/arguments.js';
import { call, type CallOptions } from './call.js';
import { doctor } from './doctor/doctor.js';
import { find } from './find.js';
import { history, type HistoryOptions } from './history/history.js';
import { info } from './info.js';
import { kick, type KickOptions } from './kick.js';
import { nodes, type NodesOptions } from './nodes.js';
import { explain, UsageError, warn } from './output/output.js';
import { players, type PlayersOptions } from './players.js';
import { publish, type PublishOptions } from './publish.js';
import { run, type RunOptions } from './run.js';
import { say, type SayOptions } from './say.js';
import { tail, type TailOptions } from './tail.js';
import { endWithOutput, writeError, writeOut } from './output/terminal.js';
import { top, type TopOptions } from './top.js';

interface Common {
  /** The first one that answers is asked. */
  readonly endpoint: readonly string[];
  readonly json: boolean;
}

const program = new Command('kelpie')
  .addOption(endpointOption())
  .addOption(jsonOption())
  .description('Ask a Kelpie coordinator, and tell it things.')
  .version(version)
  .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 wrong usage.')
  .enablePositionalOptions()
  .configureHelp({ optionDescription: described })
  .configureOutput({
    writeOut: (text) => writeOut(linesOf(text)),
    writeErr: (text) => writeError(linesOf(text)),
  })
  .exitOverride()
  .hook('preAction', (_, asked) => inherit(asked));

selecting(command('nodes', 'list the nodes of the network'))
  .option('--watch', 'go on with what changes, of all nodes', false)
  .action((options: Common & NodesOptions) => ask(options, (api) => nodes(api, options)));

selecting(command('players', 'list the players who are online'))
  .option('--proxy <name>', 'only on this proxy', name)
  .option('--server <name>', 'only on this server', name)
  .option('--name <beginning>', 'only players whose names begin so, in any case')
  .option('--property <name=value>', 'only players with this property; may be repeated', pair, {})
  .option('--count', 'print how many there are, in all and on each node', false)
  .option('--watch', 'go on with players as they come, move, change and go', false)
  .action((options: Common & PlayersOptions) => ask(options, (api) => players(api, options)));

command(
  'find <who...>',
  'show a player who is online, by id, XUID, UUID or name, or all whose names begin so',
).action((who: string[], options: Common) => ask(options, (api) => find(api, who, options)));

among(command('kick [who...]', 'disconnect a player, or all at a place'))
  .option('--all', 'everybody in the network', false)
  .option('--message <text>', 'what they are shown', '')
  .option('--yes', 'do not ask on a terminal', false)
  .action((who: string[], options: Common & KickOptions) =>
    act(options, (api) => kick(api, who, options)),
  );

among(command('say <text...>', 'show players a line of chat, or something else'))
  .option('--player <who>', 'only this player: an id, XUID, UUID or name', name)
  .option('--title', 'the text is a title on the screen', false)
  .option('--subtitle <text>', 'the small line below the title')
  .option('--fade-in <time>', 'how long the title takes to come: 500ms, 2s', span)
  .option('--stay <time>', 'how long it stays', span)
  .option('--fade-out <time>', 'how long it takes to go', span)
  .option('--action-bar', 'a line above the hotbar', false)
  .option('--tip', 'a tip', false)
  .option('--popup', 'a popup', false)
  .option('--toast <title>', 'a toast with this title, at the top of the screen')
  .action((text: string[], options: Common & SayOptions) =>
    act(options, (api) => say(api, text, options)),
  );

selecting(command('run [node] [line...]', 'run a line on the console of a node'))
  .option('--all', 'on all nodes that match; name no node then', false)
  .addOption(timeLimit())
  // A line has options and negative numbers of its own.
  .passThroughOptions()
  .addHelpText('after', '\nOptions go before the node: what comes after it is the line.')
  .action((node: string | undefined, line: string[], options: Common & RunOptions) =>
    act(options, (api) => run(api, node === undefined ? [] : [node, ...line], options)),
  );

selecting(command('call <command> [content]', 'ask nodes to do a command of their own'))
  .option('--node <name>', 'this node; may be repeated', names, [])
  .option('--any', 'one of the nodes that match, another one each time', false)
  .option('--every', 'all nodes that match', false)
  .option('--player-proxy <who>', 'the proxy of this player', name)
  .option('--player-server <who>', 'the server of this player', name)
  .option('--object', 'the content is a JSON object', false)
  .addOption(timeLimit())
  .option('--max-replies <count>', 'end after so many replies', count, 0)
  .action((called: string, content: string | undefined, options: Common & CallOptions) =>
    act(options, (api) => call(api, called, content ?? '', options)),
  );

command('tail <topics...>', `follow topics, for example 'chat.>' or 'nodes.*'`)
  .option('--all', 'begin with the history there is', false)
  .option('--since <time>', 'begin with events that are at most this old: 90s, 10m, 2h', age)
  .action((topics: string[], options: Common & TailOptions) =>
    ask(options, (api) => tail(api, topics, options)),
  );

command('publish <topic> <message>', 'publish a message')
  .option('--type <type>', 'kind of message, for its readers', '')
  .option('--attribute <name=value>', 'a fact beside the message; may be repeated', pair, {})
  .option('--object', 'the message is a JSON object', false)
  .addOption(
    new Option('--origin <origin>', 'node: no player wrote any of it, and readers may trust it')
      .choices(['node', 'unspecified'])
      .default('unspecified'),
  )
  .action((topic: string, message: string, options: Common & PublishOptions) =>
    ask(options, (api) => publish(api, topic, message, options)),
  );

command('info', 'show what the coordinator is and how it does').action((options: Common) =>
  ask(options, (api) => info(api, options)),
);

command(
  'history <name...>',
  'show what happened to a node or a player, as far as the journal reaches',
)
  .option('--node', 'it is the name of a node', false)
  .option('--player', 'it is the name or id of a player', false)
  .option('--since <time>', 'only what is at most this old: 90s, 10m, 2h, 1d', age)
  .action((words: string[], options: Common & HistoryOptions) =>
    ask(options, (api) => history(api, words, options)),
  );

command('top', 'watch the sessions of the coordinator, and which of them read too slowly')
  .option('--interval <seconds>', 'how often to look, 0.1 to 3600', interval, 2)
  .option('--once', 'look once, and end', false)
  .action((options: Common & TopOptions) => ask(options, (api) => top(api, options)));

command('doctor', 'check the way to each coordinator, and what it says of itself').action(
  async ({ endpoint, json }: Common) => {
    if (!(await doctor(endpoint, json))) process.exitCode = 1;
  },
);

// What follows is ended so, and ends well; what was to be done is not done, or nobody knows.
process.on('SIGINT', () => process.exit());
process.on('SIGTERM', () => process.exit());
endWithOutput();
// What gRPC would print by itself, past all escapes, is in the error of the call too. Who debugs it asks for it.
if (process.env['GRPC_VERBOSITY'] === undefined) setLogVerbosity(logVerbosity.NONE);
try {
  await program.parseAsync(process.argv);
} catch (thrown) {
  // Help, the version, or an error of usage: it is printed by now, unless that failed.
  if (!(thrown instanceof CommanderError)) throw thrown;
  process.exitCode = thrown.exitCode === 0 ? 0 : 2;
}

function command(usage: string, description: string): Command {
  return program
    .command(usage)
    .description(description)
    .addOption(
      endpointOption().env('KELPIE_ENDPOINTS').default([DEFAULT_ENDPOINT], DEFAULT_ENDPOINT),
    )
    .addOption(jsonOption().default(false));
}

function endpointOption(): Option {
  const meaning = 'the coordinators; the first that answers is asked';
  return new Option('--endpoint <host:port,...>', meaning).argParser(endpoints);
}

function jsonOption(): Option {
  return new Option('--json', 'print one JSON object a line');
}

/** These two stand before the command or after it. If both, what stands after it counts. */
function inherit(asked: Command): void {
  for (const name of ['endpoint', 'json']) {
    if (asked.getOptionValueSource(name) === 'cli') continue;
    const source = program.getOptionValueSource(name);
    if (source === 'cli')
      asked.setOptionValueWithSource(name, program.getOptionValue(name), source);
  }
}

function linesOf(text: string): string[] {
  return text.replace(/\n$/, '').split('\n');
}

/** Without a default that stands for nothing that was asked for. */
function described(option: Option): string {
  return new Help()
    .optionDescription(option)
    .replace(/ \(default: (?:\[\]|\{\}|""|false|0)\)$/, '');
}

/** Options that choose nodes. */
function selecting(to: Command): Command {
  return to
    .option('--role <role>', 'only proxy, downstream or service', oneOf(NodeRole), [])
    .option('--state <state>', 'only nodes in this state, for example ready', oneOf(NodeState), [])
    .option('--label <name=value>', 'only nodes with this label; may be repeated', pair, {});
}

/** Options that choose a place where players are. */
function among(to: Command): Command {
  return to
    .option('--server <name>', 'all on this server', name)
    .option('--proxy <name>', 'all on this proxy', name)
    .option('--label <name=value>', 'all on servers with this label; may be repeated', pair, {});
}

function timeLimit(): Option {
  return new Option('--timeout <time>', 'how long it may take: 500ms, 10s, at most 5m')
    .argParser(timeout)
    .default(10_000, '10s');
}

/** Does something that may fail in part: `work` returns whether all of it was done. */
function act(options: Common, work: (api: Api) => Promise<boolean>): Promise<void> {
  process.exitCode = 1;
  return ask(options, async (api) => {
    if (await work(api)) process.exitCode = 0;
  });
}

async function ask({ endpoint }: Common, work: (api: Api) => Promise<void>): Promise<void> {
  let api: Api | undefined;
  try {
    api = await reachApi(endpoint);
    await work(api);
  } catch (thrown) {
    process.exitCode = thrown instanceof UsageError ? 2 : 1;
    warn(explain(thrown));
  } finally {
    api?.close();
  }
}
