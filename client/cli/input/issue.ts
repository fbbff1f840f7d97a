/** Asking nodes to do something, and showing the result of each. */
import { CommandResult } from '../../../gen/ts/kelpie/v1/command.js';
import type { AnyCommand, Api, Selector, Target } from '../../api/index.js';
import { type Format, printRecord } from '../output/records.js';

/** Options that choose nodes: those that match each of these. An empty option matches any. */
export interface Selection {
  readonly role: NonNullable<Selector['roles']>;
  readonly state: NonNullable<Selector['states']>;
  readonly label: Readonly<Record<string, string>>;
}

interface IssueOptions {
  readonly output: Format;
  readonly timeout?: number;
  readonly maxReplies?: number;
}

/**
 * Prints each result as it comes, where a program reads them. `show` gets each, and returns whether it is a
 * good one. Resolves with whether all results were.
 */
export async function issue(
  api: Api,
  target: Target,
  command: AnyCommand,
  { output, timeout, maxReplies = 0 }: IssueOptions,
  show: (result: CommandResult) => boolean,
): Promise<boolean> {
  const options = { maxReplies, ...(timeout !== undefined && { timeoutMs: timeout }) };
  let good = true;
  for await (const result of api.messages.commands.issue(target, command, options)) {
    if (output !== 'table') printRecord(output, 'CommandResult', CommandResult.toJSON(result));
    good = show(result) && good;
  }
  return good;
}

export function selectorOf({ role, state, label }: Selection): Selector {
  return { roles: role, states: state, labels: label };
}

export function selects({ role, state, label }: Selection): boolean {
  return role.length + state.length + Object.keys(label).length > 0;
}
