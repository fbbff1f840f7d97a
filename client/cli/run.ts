/** `kelpie run`: run a line on the consoles of nodes. */
import type { Command } from 'commander';
import { type CommandResult, ConsoleOutput } from '../../gen/ts/kelpie/v1/command.js';
import type { Api, Target } from '../api/index.js';
import { fromWire, KelpieError } from '../errors.js';
import { act, command, type Common, selecting } from './command.js';
import { issue, type Selection, selectorOf, selects } from './input/issue.js';
import { explain, print, UsageError, warn } from './output/output.js';

interface RunOptions extends Common, Selection {
  /** On all nodes that match. */
  readonly all: boolean;
}

export function runCommand(): Command {
  return (
    selecting(command('run [node] [line...]', 'run a line on the console of a node'))
      .option('--all', 'on all nodes that match; name no node then', false)
      // A line has options and negative numbers of its own.
      .passThroughOptions()
      .addHelpText('after', '\nOptions go before the node: all that comes after it is the line.')
      .action((node: string | undefined, line: string[], options: RunOptions) =>
        act(options, (api) => run(api, node === undefined ? [] : [node, ...line], options)),
      )
  );
}

/** `words`: the node, unless it is for all, then the line. Resolves with whether it succeeded everywhere. */
function run(api: Api, words: string[], options: RunOptions): Promise<boolean> {
  const { all } = options;
  if (!all && selects(options)) {
    throw new UsageError('--role, --state and --label choose among many nodes; say --all too');
  }
  const [node = '', ...rest] = words;
  const line = (all ? words : rest).join(' ').replace(/^\//, '');
  if (line.trim() === '') {
    throw new UsageError(`say which line to run${all ? '' : ': kelpie run <node> <line>'}`);
  }
  const target: Target = all ? { every: selectorOf(options) } : { node };
  const asked = { run_console_command: { line } };
  return issue(api, target, asked, options, (result) => show(result, options));
}

/**
 * Only the consoles' own lines go to stdout. Where many nodes are asked, a console that prints nothing has a
 * line too, so that every node that ran it is there.
 */
function show({ node, outcome }: CommandResult, { output, all }: RunOptions): boolean {
  const prefix = all ? `${node}: ` : '';
  const form = outcome?.$case === 'output' ? outcome.value.form : undefined;
  const said = form?.$case === 'console' ? form.value : ConsoleOutput.create();
  if (output === 'table') print(linesOf(said, all).map((line) => prefix + line));
  if (said.success) return true;
  warn(`${prefix}${explain(failureOf(node, outcome))}`);
  return false;
}

function linesOf({ success, lines }: ConsoleOutput, all: boolean): string[] {
  return all && success && lines.length === 0 ? ['(no output)'] : lines;
}

function failureOf(node: string, outcome: CommandResult['outcome']): KelpieError {
  if (outcome?.$case === 'error') return fromWire(outcome.value);
  return new KelpieError('COMMAND_FAILED', `"${node}" says that the line did not succeed`);
}
