/** `kelpie routing`: the rules by which players find a server. */
import { Command, Option } from 'commander';
import {
  ExplainRoutingResponse,
  GetRoutingResponse,
  SetRoutingResponse,
} from '../../gen/ts/kelpie/v1/routing_service.js';
import { FallbackReason } from '../../gen/ts/kelpie/v1/routing.js';
import type {
  Api,
  ExplainOptions,
  Explanation,
  FallbackReasonName,
  Node,
  RoutingRule,
  ServerSelector,
} from '../api/index.js';
import { ask, command, type Common, askAny } from './command.js';
import { name, pair } from './input/arguments.js';
import { requirePlayer } from './input/player.js';
import { readRules, rulesText } from './input/rules-file.js';
import { changesOf } from './output/rule-changes.js';
import { inOrder, inWords, ruleRow, RULE_HEAD } from './output/rules.js';
import { print, table, UsageError, warn } from './output/output.js';
import { printRecord } from './output/records.js';

const NO_RULES =
  'The network has no routing rules: each player goes to the server with the fewest players.';

export function routingCommand(): Command {
  const group = new Command('routing')
    .description('show and change the rules by which players find a server')
    .enablePositionalOptions()
    .addHelpText('after', '\nWithout a command it shows the rules.');
  group.addCommand(showCommand(), { isDefault: true });
  group.addCommand(editCommand());
  group.addCommand(explainCommand());
  return group;
}

interface ShowOptions extends Common {
  readonly yaml: boolean;
}

function showCommand(): Command {
  return command('show', 'show the rules, in the order in which they count')
    .option('--yaml', 'as a file that kelpie routing edit takes', false)
    .action((options: ShowOptions) => askAny(options, (api) => show(api, options)));
}

async function show(api: Api, { yaml, output }: ShowOptions): Promise<void> {
  if (yaml && output !== 'table') throw new UsageError('it is either --yaml or another output');
  if (output !== 'table') {
    const answer = await api.messages.routing.get();
    printRecord(output, 'GetRoutingResponse', GetRoutingResponse.toJSON(answer));
    return;
  }
  const stored = await api.routing.get();
  if (yaml) print(rulesText(stored).trimEnd().split('\n'));
  else if (stored.rules.length === 0) print(NO_RULES);
  else print(table(RULE_HEAD, inOrder(stored.rules).map(ruleRow)));
}

interface EditOptions extends Common {
  readonly dryRun: boolean;
}

function editCommand(): Command {
  return command('edit <file>', 'replace the rules by those of a file; - is the standard input')
    .option('--dry-run', 'check the rules and show the changes, and change nothing', false)
    .addHelpText(
      'after',
      '\nkelpie routing show --yaml prints the present rules as such a file. If the file has a' +
        '\nsequence, the rules must still be those that it was made of: another change in between' +
        '\nis an error. Without it, the file replaces the present rules.',
    )
    .action((file: string, options: EditOptions) =>
      ask(options, (api) => edit(api, file, options)),
    );
}

async function edit(api: Api, path: string, { dryRun, output }: EditOptions): Promise<void> {
  const { rules, sequence } = readRules(path);
  const before = await api.routing.get();
  const expectedSequence = sequence ?? before.sequence;
  if (dryRun) await api.routing.explain({ rules });
  else {
    const answer = await api.messages.routing.set(rules, { expectedSequence });
    if (output !== 'table') {
      printRecord(output, 'SetRoutingResponse', SetRoutingResponse.toJSON(answer));
      return;
    }
  }
  // The coordinator writes names in lower case: of a file that was set, its own rules are shown.
  const after = dryRun ? rules : (await api.routing.get()).rules;
  const changes = changesOf(before.rules, after);
  if (changes.length === 0) print('The rules are those of the file already.');
  else print(table(['RULE', 'CHANGE'], changes));
  await warnOfEmpty(api, after);
}

/** A rule without a server is no mistake, because the server may come later. Often its label is misspelled. */
async function warnOfEmpty(api: Api, rules: readonly RoutingRule[]): Promise<void> {
  const servers: Node[] = [];
  for await (const node of api.nodes.all({ roles: ['DOWNSTREAM'] })) servers.push(node);
  const empty = rules.filter(({ to }) => !servers.some((server) => selects(to ?? {}, server)));
  if (empty.length === 0) return;
  const which = empty.map((rule) => rule.name).join(', ');
  warn(`rules that no server matches now: ${which}; kelpie nodes --json shows names and labels`);
}

function selects({ names = [], labels = {} }: ServerSelector, server: Node): boolean {
  const isNamed = names.length === 0 || names.some((one) => one.toLowerCase() === server.name);
  return isNamed && Object.entries(labels).every(([key, value]) => server.labels[key] === value);
}

interface WhoOptions extends Common {
  readonly for: 'join' | 'fallback';
  readonly player?: string;
  readonly reason?: string;
  readonly host?: string;
  readonly property: Readonly<Record<string, string>>;
  readonly from?: string;
  readonly last?: string;
  readonly file?: string;
}

const REASONS = Object.keys(FallbackReason).filter((one) => one !== 'UNSPECIFIED');

function explainCommand(): Command {
  return command('explain', 'pick a server for a player, and show why; it moves nobody')
    .addOption(
      new Option('--for <occasion>', 'the player joins, or loses their server')
        .choices(['join', 'fallback'])
        .default('join'),
    )
    .option('--player <who>', 'a player who is online: an id, XUID, UUID or name', name)
    .addOption(
      new Option('--reason <reason>', 'the reason of a fallback').choices(REASONS.map(inWords)),
    )
    .option('--host <host>', 'the host name that the player connected to', name)
    .option('--property <name=value>', 'a property of the player; may be repeated', pair, {})
    .option('--from <server>', 'the server that the player comes from', name)
    .option('--last <server>', 'the server that the player was on last', name)
    .option('--file <file>', 'try the rules of a file instead; - is the standard input', name)
    .action((options: WhoOptions) => askAny(options, (api) => explain(api, options)));
}

async function explain(api: Api, options: WhoOptions): Promise<void> {
  const request = await requestOf(api, options);
  if (options.output === 'table') {
    showExplanation(await api.routing.explain(request));
    return;
  }
  const answer = await api.messages.routing.explain(request);
  printRecord(options.output, 'ExplainRoutingResponse', ExplainRoutingResponse.toJSON(answer));
}

async function requestOf(api: Api, options: WhoOptions): Promise<ExplainOptions> {
  const { player, reason, host, property, from, last, file } = options;
  if (reason !== undefined && options.for === 'join') {
    throw new UsageError('a join has no reason; use --for fallback, or leave --reason out');
  }
  return {
    for: options.for,
    ...(player !== undefined && { player: { id: (await requirePlayer(api, player)).id } }),
    ...(reason !== undefined && { reason: reasonOf(reason) }),
    ...(host !== undefined && { host }),
    ...(Object.keys(property).length > 0 && { playerProperties: property }),
    ...(from !== undefined && { fromServer: from }),
    ...(last !== undefined && { lastServer: last }),
    ...(file !== undefined && { rules: readRules(file).rules }),
  };
}

function reasonOf(text: string): FallbackReasonName {
  return text.toUpperCase().replaceAll('-', '_') as FallbackReasonName;
}

function showExplanation({ server, rule, lastResort, rules }: Explanation): void {
  const note = lastResort ? ' (UNREACHABLE: the last resort)' : '';
  const none = 'none: no rule has an open server';
  print(
    table(['server', server === undefined ? none : `${server}${note}`], [['rule', rule || '-']]),
  );
  const rows = rules.flatMap(({ name, holds, whyNot, servers, serversLeftOut }): string[][] => {
    const shown = name || '(no rules)';
    if (!holds) return [[shown, 'no', '', '', whyNot]];
    const lines = servers.map((one) => [one.name, String(one.players), verdictOf(one.verdict)]);
    if (serversLeftOut > 0) lines.push([`and ${serversLeftOut} more`, '', '']);
    const [first = ['-', '', 'it selects no server'], ...others] = lines;
    return [[shown, 'yes', ...first], ...others.map((line) => ['', '', ...line])];
  });
  print(['', ...table(['RULE', 'HOLDS', 'SERVER', 'PLAYERS', 'VERDICT'], rows)]);
}

function verdictOf(verdict: string): string {
  return verdict === 'SOURCE'
    ? 'the player comes from it'
    : verdict.toLowerCase().replace('_', ' ');
}
