/** The result of a command at one node, as a message. */
import type { CommandResult } from '../../gen/ts/kelpie/v1/command.js';
import { KelpieError } from '../core/errors.js';
import { errorOf, wireError } from '../core/wire-error.js';
import type { NodeResult } from './pending.js';

export function wireResult({ node, outcome, last }: NodeResult): CommandResult {
  const result =
    outcome instanceof KelpieError
      ? ({ $case: 'error', value: wireError(outcome) } as const)
      : ({ $case: 'output', value: outcome } as const);
  return { node, outcome: result, last };
}

/** The outcome that a message of another coordinator has. */
export function outcomeOf({ outcome }: CommandResult): NodeResult['outcome'] {
  return outcome?.$case === 'error'
    ? errorOf(outcome.value)
    : (outcome?.value ?? { form: undefined });
}
