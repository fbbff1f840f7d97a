/** Where settings come from: kelpie.yaml, then KELPIE_* variables, then flags; the last wins. */
import { Command, type CommanderError, Help, InvalidArgumentError, Option } from 'commander';
import {
  contradiction,
  devDefaults,
  keyOf,
  type SettingName,
  settingNames,
  type Settings,
  settings,
  variableOf,
} from './settings.js';
import { printable } from '../../core/printable.js';
import { readConfigFile } from './file.js';
import { kubernetesVariables } from './kubernetes.js';
import { nearest } from './nearest.js';
import { version } from '../../core/version.js';

/** What is in force, and what the program is asked for. */
export interface Config {
  readonly settings: Settings;
  /** Where each value comes from: `default`, a flag, a variable, or a file and its line. */
  readonly origins: Readonly<Record<SettingName, string>>;
  /** What to do instead of running with the settings; undefined: run. */
  readonly task: Task | undefined;
  /** Variables that look like settings and are of a Kubernetes Service. */
  readonly ignored: readonly string[];
}

/** `kelpied config` and `kelpied data`. */
export type Task =
  | { readonly kind: 'config'; readonly format: 'table' | 'json' | 'sample' }
  | ({ readonly kind: 'data' } & DataTask);

/** What to do with the data directory. */
export interface DataTask {
  readonly action: 'info' | 'check' | 'compact';
  readonly json: boolean;
}

/** The file that is read if none is named. */
const DEFAULT_FILE = 'kelpie.yaml';

/** Variables that stand in the same environment and are no settings of kelpied. */
const OTHER_VARIABLES = ['KELPIE_CONFIG', 'KELPIE_ENDPOINTS', 'KELPIE_TOKEN'];

/**
 * Reads all sources, and removes from the environment what is ignored. Ends the process with 2 and a message if
 * they are wrong.
 */
export function readConfig(argv: readonly string[], env: NodeJS.ProcessEnv): Config {
  let task: Task | undefined;
  const command = commandOf((asked) => (task = asked));
  const ignored = kubernetesVariables(env);
  // The library reads the environment by itself.
  for (const name of ignored) Reflect.deleteProperty(env, name);
  refuseUnknownVariables(command, env);
  command.parse(argv);
  const fromFile = fill(command);
  const values = command.opts<Settings>();
  const origins = {} as Record<SettingName, string>;
  for (const name of settingNames) origins[name] = fromFile.get(name) ?? originOf(command, name);
  const wrong = contradiction(values);
  if (wrong !== undefined) command.error(`error: ${wrong}`);
  return { settings: values, origins, task, ignored };
}

function commandOf(onTask: (asked: Task) => void): Command {
  const command = new Command('kelpied')
    .description('The coordinator of a Minecraft Bedrock network.')
    .version(version)
    .addHelpText(
      'after',
      `\nEach option can be set by its variable too, and by its name without dashes in ${DEFAULT_FILE};` +
        '\nthe command line wins, then the variable.',
    )
    .exitOverride((error) => process.exit(exitCodeOf(error)))
    // It repeats what stands in arguments, variables and files.
    .configureOutput({
      writeErr: (text) => process.stderr.write(text.split('\n').map(printable).join('\n')),
    })
    .addOption(
      new Option('--config <file>', `file of settings, instead of ${DEFAULT_FILE}`).env(
        'KELPIE_CONFIG',
      ),
    )
    // What a flag has without a value is among what it takes already.
    .configureHelp({
      optionDescription: (option) =>
        new Help().optionDescription(option).replace(/, preset: "[^"]*"/, ''),
    })
    // Without a subcommand it runs.
    .action((_, { args: [word] }: Command) => {
      if (word !== undefined) {
        command.error(`error: there is no command '${word}'; kelpied --help lists them`);
      }
    });
  for (const name of settingNames) command.addOption(optionOf(name));
  command
    .command('config')
    .description('print the settings in force, and where each comes from')
    .option('--json', 'for programs')
    .option('--sample', 'print a file with every setting instead')
    .action(({ json, sample }: { json?: true; sample?: true }) =>
      onTask({ kind: 'config', format: sample ? 'sample' : json ? 'json' : 'table' }),
    );
  addDataCommand(command, onTask);
  // Its action refuses them in better words; commands would inherit this.
  return command.allowExcessArguments();
}

/** Help that could not be written is no success. */
function exitCodeOf({ exitCode }: CommanderError): number {
  if (exitCode !== 0) return 2;
  const { errored } = process.stdout;
  if (errored === null) return 0;
  process.stderr.write(`kelpied: what it prints cannot be written: ${errored.message}\n`);
  return 1;
}

function addDataCommand(command: Command, onTask: (asked: Task) => void): void {
  const data = command
    .command('data')
    .description('look at, check or compact a data directory that no coordinator uses')
    .addHelpText(
      'after',
      '\nExit codes: 0 fine, 1 damaged, in use or not readable, 2 wrong usage.',
    );
  const actions: [DataTask['action'], string][] = [
    ['info', 'show what is in it'],
    ['check', 'read all of it, and say what is not as it was written'],
    ['compact', 'write it anew without what is free in it'],
  ];
  for (const [action, description] of actions) {
    data
      .command(action)
      .description(`${description}; which one, --data says`)
      .option('--json', 'for programs', false)
      .action(({ json }: { json: boolean }) => onTask({ kind: 'data', action, json }));
  }
}

function optionOf(name: SettingName): Option {
  const { placeholder, meaning, parse, default: byDefault } = settings[name];
  const option = new Option(`--${keyOf(name)} ${placeholder}`, meaning)
    .env(variableOf(name))
    .default(byDefault)
    .argParser((text) => {
      try {
        return parse(text);
      } catch (error) {
        throw new InvalidArgumentError((error as Error).message);
      }
    });
  return typeof byDefault === 'boolean' ? option.preset('true') : option;
}

/** What no flag and no variable sets, from the file, then from --dev. Returns where it found it. */
function fill(command: Command): Map<SettingName, string> {
  const { config } = command.opts<{ config?: string }>();
  const found = new Map<SettingName, string>();
  const set = (name: SettingName, value: unknown, from: string): void => {
    if (command.getOptionValueSource(name) !== 'default') return;
    command.setOptionValueWithSource(name, value, 'config');
    found.set(name, from);
  };
  try {
    const file = readConfigFile(config ?? DEFAULT_FILE, config !== undefined);
    for (const { name, value, from } of file) set(name, value, from);
  } catch (error) {
    command.error(`error: ${(error as Error).message}`);
  }
  if (command.opts<Settings>().dev) {
    for (const [name, value] of Object.entries(devDefaults)) {
      set(name as SettingName, value, '--dev');
    }
  }
  return found;
}

function originOf(command: Command, name: SettingName): string {
  const source = command.getOptionValueSource(name);
  if (source === 'cli') return `--${keyOf(name)}`;
  return source === 'env' ? variableOf(name) : 'default';
}

function refuseUnknownVariables(command: Command, env: NodeJS.ProcessEnv): void {
  const known = [...settingNames.map(variableOf), ...OTHER_VARIABLES];
  for (const name of Object.keys(env)) {
    if (!name.startsWith('KELPIE_') || known.includes(name)) continue;
    command.error(`error: unknown variable ${name}; did you mean ${nearest(name, known)}?`);
  }
}
