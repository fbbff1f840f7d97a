/** Reads the settings from kelpie.yaml, then from KELPIE_* variables, then from flags. The last source wins. */
import { Command, type CommanderError, Help, InvalidArgumentError, Option } from 'commander';
import { contradiction } from './contradiction.js';
import {
  devDefaults,
  keyOf,
  type SettingName,
  settingNames,
  type Settings,
  settings,
  shownSettings,
  variableOf,
} from './settings.js';
import { printable } from '../../core/printable.js';
import { readConfigFile } from './file.js';
import { kubernetesVariables } from './kubernetes.js';
import { nearest } from './nearest.js';
import { addCertsCommand, type CertsTask } from './certs-task.js';
import { addDataCommand, type DataTask } from './data-task.js';
import { addTokenCommand, type TokenTask } from './token-task.js';
import { version } from '../../core/version.js';

/** The settings in force, and the task of the program. */
export interface Config {
  readonly settings: Settings;
  /** The source of each value: `default`, a flag, a variable, or a file and its line. */
  readonly origins: Readonly<Record<SettingName, string>>;
  /** The task; undefined if the program must run the coordinator. */
  readonly task: Task | undefined;
  /** Variables of a Kubernetes Service that look like settings. */
  readonly ignored: readonly string[];
}

/** `kelpied config`, `kelpied data`, `kelpied certs` and `kelpied token`. */
export type Task =
  | { readonly kind: 'config'; readonly format: 'table' | 'json' | 'sample' }
  | { readonly kind: 'data'; readonly data: DataTask }
  | { readonly kind: 'certs'; readonly certs: CertsTask }
  | { readonly kind: 'token'; readonly token: TokenTask };

/** The file of settings, unless --config names another. */
const DEFAULT_FILE = 'kelpie.yaml';

/** Variables that may be in the same environment but are not settings of kelpied. */
const OTHER_VARIABLES = [
  'CONFIG',
  ...['ENDPOINTS', 'CONTEXT', 'NETWORK', 'CA', 'CERT', 'KEY', 'TOKEN', 'TOKEN_FILE', 'JOIN_TOKEN'],
].map((name) => `KELPIE_${name}`);

/**
 * Reads all sources, and removes ignored variables from the environment. If a source is wrong, ends the process with 2
 * and a message.
 */
export function readConfig(argv: readonly string[], env: NodeJS.ProcessEnv): Config {
  let task: Task | undefined;
  const command = commandOf((asked) => (task = asked));
  const ignored = kubernetesVariables(env);
  // commander reads the environment itself, so the variables must not be there.
  for (const name of ignored) Reflect.deleteProperty(env, name);
  refuseUnknownVariables(command, env);
  command.parse(argv);
  const fromFile = fill(command);
  const values = command.opts<Settings>();
  const origins = {} as Record<SettingName, string>;
  for (const name of settingNames) origins[name] = fromFile.get(name) ?? originOf(command, name);
  const wrong = misfit({ settings: values, origins, task });
  if (wrong !== undefined) command.error(`error: ${wrong}`);
  return { settings: values, origins, task, ignored };
}

/** A message if the settings do not fit the task; undefined if they do. */
function misfit({ settings, origins, task }: Omit<Config, 'ignored'>): string | undefined {
  if (task?.kind === 'certs') {
    return origins.host === '--host'
      ? `--host is where kelpied listens; name the hosts of the certificate alone: kelpied certs ${settings.host}`
      : undefined;
  }
  if (origins.redis === '--redis' && shownSettings(settings).redis !== settings.redis) {
    return `others on this machine see the password in --redis; give it as ${variableOf('redis')}, or in ${DEFAULT_FILE}`;
  }
  // Tokens, as certificates, are made before kelpied can run with its settings.
  return task?.kind === 'token' ? undefined : contradiction(settings);
}

function commandOf(onTask: (asked: Task) => void): Command {
  const command = new Command('kelpied')
    .description('The coordinator of a Minecraft Bedrock network.')
    .version(version)
    .addHelpText(
      'after',
      `\nEach option also has a variable, and a key in ${DEFAULT_FILE}: its name without the dashes.` +
        '\nThe command line wins over the variable, and the variable wins over the file.',
    )
    .exitOverride((error) => process.exit(exitCodeOf(error)))
    // Messages repeat text from arguments, variables and files.
    .configureOutput({
      writeErr: (text) => process.stderr.write(text.split('\n').map(printable).join('\n')),
    })
    .addOption(
      new Option('--config <file>', `file of settings, instead of ${DEFAULT_FILE}`).env(
        'KELPIE_CONFIG',
      ),
    )
    // The placeholder of a flag shows already which values it accepts, so the help needs no preset.
    .configureHelp({
      optionDescription: (option) =>
        new Help().optionDescription(option).replace(/, preset: "[^"]*"/, ''),
    })
    // Without a subcommand kelpied runs the coordinator.
    .action((_, { args: [word] }: Command) => {
      if (word !== undefined) {
        command.error(`error: there is no command '${word}'; kelpied --help lists them`);
      }
    });
  for (const name of settingNames) command.addOption(optionOf(name));
  command
    .command('config')
    .description('print the settings in force, and the source of each')
    .option('--json', 'for programs')
    .option('--sample', 'print a file with every setting instead')
    .action(({ json, sample }: { json?: true; sample?: true }) =>
      onTask({ kind: 'config', format: sample ? 'sample' : json ? 'json' : 'table' }),
    );
  addTasks(command, onTask);
  // The action above refuses excess arguments with a better message. Set last: commands would inherit it.
  return command.allowExcessArguments();
}

/** If kelpied cannot write its help, it ends with 1. A reader that has gone, as in `kelpied --help | head`, is no error. */
function exitCodeOf({ exitCode }: CommanderError): number {
  if (exitCode !== 0) return 2;
  const errored: NodeJS.ErrnoException | null = process.stdout.errored;
  if (errored === null || errored.code === 'EPIPE') return 0;
  process.stderr.write(`kelpied: the output cannot be written: ${errored.message}\n`);
  return 1;
}

function addTasks(command: Command, onTask: (asked: Task) => void): void {
  addDataCommand(command, (data) => onTask({ kind: 'data', data }));
  addCertsCommand(command, (certs) => onTask({ kind: 'certs', certs }));
  addTokenCommand(command, (token) => onTask({ kind: 'token', token }));
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

/** Sets the values that no flag and no variable sets, from the file, then from --dev. Returns their sources. */
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
  const allowed = [...settingNames.map(variableOf), ...OTHER_VARIABLES];
  for (const name of Object.keys(env)) {
    if (!name.startsWith('KELPIE_') || allowed.includes(name)) continue;
    command.error(`error: unknown variable ${name}; did you mean ${nearest(name, allowed)}?`);
  }
}
