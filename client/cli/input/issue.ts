/** Asking nodes to do something, and what each of them said. */
import {
  type Command,
  CommandResult,
  type CommandTarget,
  type NodeSelector,
} from '../../../gen/ts/kelpie/v1/command.js';
import type { NodeRole, NodeState } from '../../../gen/ts/kelpie/v1/node.js';
import type { Api } from './calls.js';
import { durationOf } from '../../core/duration.js';
import { printJson } from '../output/output.js';

/** Nodes that match each of these; what is empty matches any. */
export interface Selection {
  readonly role: readonly NodeRole[];
  readonly state: readonly NodeState[];
  readonly label: Readonly<Record<string, string>>;
}

export interface Issue {
  readonly place: NonNullable<CommandTarget['place']>;
  readonly form: NonNullable<Command['form']>;
  readonly timeoutMs: number;
  /** 0: all. */
  readonly maxReplies: number;
}

/**
 * Shows each result as it comes, or prints it as JSON. `show` returns whether it is a good one. Returns
 * whether all were.
 */
export async function issue(
  api: Api,
  { place, form, timeoutMs, maxReplies }: Issue,
  json: boolean,
  show: (result: CommandResult) => boolean,
): Promise<boolean> {
  const timeout = durationOf(timeoutMs);
  const request = { target: { place }, command: { form }, timeout, maxReplies };
  let good = true;
  for await (const { result } of api.commands.issueCommand(request)) {
    if (!result) continue;
    if (json) printJson(CommandResult.toJSON(result));
    good = show(result) && good;
  }
  return good;
}

export function selectorOf({ role, state, label }: Selection): NodeSelector {
  return { roles: [...role], states: [...state], labels: { ...label } };
}

export function selects({ role, state, label }: Selection): boolean {
  return role.length + state.length + Object.keys(label).length > 0;
}
