/** The command line of `kelpied data`. */
import type { Command } from 'commander';
import { MAIN } from '../../core/network-name.js';

/** A task on the stored networks of kelpied, which no coordinator uses meanwhile. */
export type DataTask = FolderTask | MoveTask;

/** A task on a data directory. */
export interface FolderTask {
  readonly action: 'info' | 'check' | 'compact';
  readonly json: boolean;
  /** The network whose journal it is. */
  readonly network: string;
}

/** A task on the data directory or the Redis that the settings name. */
export type MoveTask = { readonly file: string; readonly json: boolean } & (
  | { readonly action: 'export'; readonly network: string }
  | { readonly action: 'import'; readonly replace: boolean }
);

const WHERE = '\n--data <directory> names the data directory (default: data).';
const ENGINE = `${WHERE}
With --journal redis it is the Redis that --redis names.`;

const EXAMPLES = `
Stop all coordinators first. A move to Redis, with all credentials of the network:

  kelpied data export main.kelpie
  kelpied data import main.kelpie --journal redis --redis redis://127.0.0.1:6379`;

export function addDataCommand(program: Command, onTask: (task: DataTask) => void): void {
  const data = program
    .command('data')
    .description('show, check, compact, export or import the networks that kelpied has stored')
    .addHelpText(
      'after',
      '\n--data <directory>, before or after the command, names the data directory (default: data).' +
        '\n\nExit codes: 0 fine, 1 damaged, in use or not readable, 2 wrong usage.',
    );
  const actions: [FolderTask['action'], string][] = [
    ['info', 'show the content of the data directory'],
    ['check', 'read the whole data directory and list all damage'],
    ['compact', 'make the data directory smaller, without its free pages'],
  ];
  for (const [action, description] of actions) {
    withNetwork(data.command(action).description(description))
      .addHelpText('after', WHERE)
      .option('--json', 'for programs', false)
      .action((given: Omit<FolderTask, 'action'>) => onTask({ action, ...given }));
  }
  addMoves(data, onTask);
}

function addMoves(data: Command, onTask: (task: DataTask) => void): void {
  withNetwork(data.command('export <file>').description('write a network into a new file'))
    .addHelpText('after', ENGINE + EXAMPLES)
    .option('--json', 'for programs', false)
    .action((file: string, given: { network: string; json: boolean }) =>
      onTask({ action: 'export', file, ...given }),
    );
  data
    .command('import <file>')
    .description('take a network from a file of kelpied data export, whole or not at all')
    .addHelpText('after', ENGINE + EXAMPLES)
    .option('--replace', 'remove what the network has there', false)
    .option('--json', 'for programs', false)
    .action((file: string, given: { replace: boolean; json: boolean }) =>
      onTask({ action: 'import', file, ...given }),
    );
}

function withNetwork(command: Command): Command {
  return command.option('--network <name>', 'the network whose journal it is', MAIN);
}
