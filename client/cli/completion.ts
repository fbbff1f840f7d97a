/** `kelpie completion`: what a shell proposes when the user presses Tab. */
import { Argument, type Command, type Option } from 'commander';
import { ACTIONS } from './audit.js';
import { type Api, apiAt } from '../api/index.js';
import { Verb } from '../../gen/ts/kelpie/v1/access.js';
import { NodeRole, NodeState } from '../../gen/ts/kelpie/v1/node.js';
import type { RoleName } from '../core/spelling.js';
import { command } from './command.js';
import { endpoints } from './input/arguments.js';
import { readContexts } from './input/contexts.js';
import { placeOf } from './input/place.js';
import { print } from './output/output.js';
import { presets } from './token/shown.js';
import { FORMATS } from './output/records.js';

/**
 * Each shell hands over its line up to the cursor, and gets one proposal a line. In bash, `=` begins a new word:
 * a proposal is only the value.
 */
const scripts = {
  bash: `_kelpie() {
  mapfile -t COMPREPLY < <(kelpie complete-line "\${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
  COMPREPLY=("\${COMPREPLY[@]#--*=}")
}
complete -o default -F _kelpie kelpie`,
  zsh: `#compdef kelpie
_kelpie() {
  local -a proposals
  proposals=(\${(f)"$(kelpie complete-line "\${(j: :)words[1,CURRENT]}" 2>/dev/null)"})
  compadd -a proposals
}
compdef _kelpie kelpie`,
  fish: `complete -c kelpie -f -a '(kelpie complete-line (commandline -cp | string collect) 2>/dev/null)'`,
};

const SHELLS = Object.keys(scripts) as (keyof typeof scripts)[];

/** A shell puts a proposal into the line as it is: no name that it would run or expand. */
const HARMLESS = /^[A-Za-z0-9_.-]+$/;

/** A user waits for it with a finger on the Tab key. */
const ASK_MS = 1000;

export function completionCommand(): Command {
  return command(
    'completion',
    'print a script that makes a shell complete commands, options and nodes',
  )
    .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(SHELLS))
    .addHelpText(
      'after',
      '\nbash: add  source <(kelpie completion bash)  to ~/.bashrc' +
        '\nzsh:  add  source <(kelpie completion zsh)   to ~/.zshrc, after compinit' +
        '\nfish: kelpie completion fish > ~/.config/fish/completions/kelpie.fish',
    )
    .action((shell: keyof typeof scripts) => print(scripts[shell].split('\n')));
}

/** The hidden command that the scripts run. */
export function completeLineCommand(): Command {
  return command('complete-line <line>', 'print proposals for a line').action(
    async (line: string, _: unknown, own: Command) => {
      const root = own.parent ?? own;
      const proposals = await proposalsFor(root, line).catch(() => []);
      if (proposals.length > 0) print(proposals);
    },
  );
}

/** Where in the line the cursor is. */
interface Spot {
  readonly command: Command;
  /** The option whose value is being typed. */
  readonly option: Option | undefined;
  /** How many arguments of the command stand before. */
  readonly index: number;
  /** Options before, by their long names, with their values. */
  readonly given: ReadonlyMap<string, string>;
}

async function proposalsFor(root: Command, line: string): Promise<string[]> {
  const [, ...words] = line.trimStart().split(/\s+/);
  const typed = words.pop() ?? '';
  const all = await allAt(spotOf(root, words), typed);
  return all.filter((one) => one.startsWith(typed)).sort();
}

function spotOf(root: Command, words: readonly string[]): Spot {
  let command = root;
  let option: Option | undefined;
  let index = 0;
  const given = new Map<string, string>();
  for (const word of words) {
    if (option) {
      given.set(option.long ?? '', word);
      option = undefined;
    } else if (word.startsWith('-')) {
      const [flag, value] = split(word);
      const found = command.options.find(({ short, long }) => flag === short || flag === long);
      if (value !== undefined) given.set(flag, value);
      else option = found?.required === true ? found : undefined;
    } else {
      const below = command.commands.find((one) => one.name() === word);
      if (below) command = below;
      else index += 1;
    }
  }
  return { command, option, index, given };
}

/** `--server=lobby` has its value in the same word. */
function split(word: string): [flag: string, value?: string] {
  const [, flag, value] = /^(--[^=]+)=(.*)$/s.exec(word) ?? [];
  return flag === undefined || value === undefined ? [word] : [flag, value];
}

async function allAt({ command, option, index, given }: Spot, typed: string): Promise<string[]> {
  if (option) return valuesOf(valueName(option.flags), given, option.argChoices);
  const [flag, value] = split(typed);
  if (value !== undefined) {
    const found = command.options.find(({ long, required }) => required && flag === long);
    const values = found ? await valuesOf(valueName(found.flags), given, found.argChoices) : [];
    return values.map((one) => `${flag}=${one}`);
  }
  if (typed.startsWith('-')) {
    return [
      '--help',
      ...command.options.flatMap(({ long, hidden }) => (hidden ? [] : (long ?? []))),
    ];
  }
  const visible = command.createHelp().visibleCommands(command);
  if (visible.length > 0) return visible.map((one) => one.name());
  const { registeredArguments: all } = command;
  const argument = all[index] ?? all.find(({ variadic }) => variadic);
  return argument ? valuesOf(argument.name(), given, argument.argChoices) : [];
}

/** `--server <server>` takes a server. */
function valueName(flags: string): string {
  return /<([a-z]+)/.exec(flags)?.[1] ?? '';
}

async function valuesOf(
  kind: string,
  given: Spot['given'],
  choices: readonly string[] | undefined,
): Promise<string[]> {
  if (choices) return [...choices];
  switch (kind) {
    case 'node':
      return nodeNames(given, []);
    case 'server':
      return nodeNames(given, ['DOWNSTREAM']);
    case 'proxy':
      return nodeNames(given, ['PROXY', 'DOWNSTREAM']);
    case 'action':
      return [...ACTIONS];
    case 'credential':
      return credentialNames(given);
    case 'preset':
      return presets;
    case 'verb':
      return namesOf(Verb).map((one) => one.replaceAll('_', '-'));
    case 'context':
      return [...readContexts().all.keys()];
    case 'format':
      return [...FORMATS];
    case 'role':
      return namesOf(NodeRole);
    case 'state':
      return namesOf(NodeState);
    default:
      return [];
  }
}

function namesOf(names: Readonly<Record<string, number>>): string[] {
  return Object.keys(names)
    .filter((name) => name !== 'UNSPECIFIED')
    .map((name) => name.toLowerCase());
}

async function nodeNames(given: Spot['given'], roles: RoleName[]): Promise<string[]> {
  const { nodes } = await asked(given, (api) => api.nodes.list({ roles, pageSize: 1000 }));
  return nodes.map(({ name }) => name).filter((name) => HARMLESS.test(name));
}

async function credentialNames(given: Spot['given']): Promise<string[]> {
  const { credentials } = await asked(given, (api) => api.access.list({ pageSize: 1000 }));
  return credentials.flatMap(({ id, name }) => [id, name]).filter((one) => HARMLESS.test(one));
}

/** Asks the coordinator that the line names, or that would be asked. */
async function asked<T>(given: Spot['given'], call: (api: Api) => Promise<T>): Promise<T> {
  const [endpoint, context] = [given.get('--endpoint'), given.get('--context')];
  const { endpoints: all, ...place } = placeOf({
    ...(endpoint !== undefined && { endpoint: endpoints(endpoint) }),
    ...(context !== undefined && { context }),
  });
  const api = apiAt(all[0] ?? '', { ...place, timeoutMs: ASK_MS });
  try {
    return await call(api);
  } finally {
    api.close();
  }
}
