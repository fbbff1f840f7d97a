/** `kelpie run`: run a line on the consoles of nodes. */
import { type CommandResult, ConsoleOutput } from '../../gen/ts/kelpie/v1/command.js';
import type { Api } from './input/calls.js';
import { fromWire, KelpieError } from '../errors.js';
import { issue, type Issue, type Selection, selectorOf, selects } from './input/issue.js';
import { explain, print, UsageError, warn } from './output/output.js';

export interface RunOptions extends Selection {
  readonly json: boolean;
  /** On all nodes that match. */
  readonly all: boolean;
  /** In milliseconds. */
  readonly timeout: number;
}

/** `words`: the node, unless it is for all, then the line. Returns whether it succeeded everywhere. */
export function run(api: Api, words: string[], options: RunOptions): Promise<boolean> {
  const { json, all, timeout } = options;
  if (!all && selects(options)) {
    throw new UsageError('--role, --state and --label choose among many nodes; say --all too');
  }
  const [node = '', ...rest] = words;
  const line = (all ? words : rest).join(' ').replace(/^\//, '');
  if (line.trim() === '') {
    throw new UsageError(`say which line to run${all ? '' : ': kelpie run <node> <line>'}`);
  }
  const place: Issue['place'] = all
    ? { $case: 'every', value: selectorOf(options) }
    : { $case: 'node', value: node };
  const form: Issue['form'] = { $case: 'runConsoleCommand', value: { line } };
  const asked = { place, form, timeoutMs: timeout, maxReplies: 0 };
  return issue(api, asked, json, (result) => show(result, options));
}

/**
 * What consoles print goes to stdout, and nothing else does; but where many are asked, a console that prints
 * nothing has a line too, so that all who did it are there.
 */
function show({ node, outcome }: CommandResult, { json, all }: RunOptions): boolean {
  const prefix = all ? `${node}: ` : '';
  const form = outcome?.$case === 'output' ? outcome.value.form : undefined;
  const output = form?.$case === 'console' ? form.value : ConsoleOutput.create();
  if (!json) print(linesOf(output, all).map((line) => prefix + line));
  if (output.success) return true;
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
