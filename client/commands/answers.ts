/** What nodes answer to commands, as handlers return it, as the contract has it, and as the issuer gets it. Pure. */
import type { CommandOutput } from '../../gen/ts/kelpie/v1/command.js';
import { ErrorDetail, ErrorReason } from '../../gen/ts/kelpie/v1/error.js';
import { amount, flag, invalid, object, shown, text, textList } from '../core/arguments.js';
import type {
  ConsoleOutput,
  FormName,
  Forms,
  PlayerFailure,
  PlayerResult,
  Verified,
} from './commands.js';
import { contentOf, type MessageContent } from '../events/content.js';
import { durationOf, msOf } from '../core/duration.js';
import { fromWire } from '../errors.js';

type AnswerForm = NonNullable<CommandOutput['form']>;

/** What a handler returned to a form of the contract, on the wire. */
export function answerOf<Name extends FormName>(
  name: Name,
  request: Forms[Name]['request'],
  said: Forms[Name]['answer'],
): CommandOutput;
export function answerOf(name: FormName, request: unknown, said: unknown): CommandOutput {
  if (name === 'run_console_command') return { form: consoleForm(said) };
  if (name === 'verify_player') return { form: verifiedForm(said) };
  const { players } = request as Forms['kick_players']['request'];
  const failures = new Map(failuresOf(name, said).map(({ id, message }) => [id, message]));
  const outcomes = players.map(({ id: playerId }) => {
    const message = failures.get(playerId);
    return { playerId, error: message === undefined ? undefined : failed(message) };
  });
  return { form: { $case: 'players', value: { outcomes } } };
}

/** With whom it was not done. Throws VALUE_INVALID for what says nothing of players. */
export function failuresOf(name: FormName, said: unknown): readonly PlayerFailure[] {
  const failures = said ?? [];
  if (!Array.isArray(failures))
    throw invalid(
      `the handler of ${name} returned ${shown(said)}; it returns nothing, or a list of { id, message }`,
      name,
    );
  return Array.from(failures, (failure: unknown) => {
    const { id, message } = object('a failure', failure) as PlayerFailure;
    return { id: text('a failure.id', id), message: text('a failure.message', message) };
  });
}

function verifiedForm(said: unknown): AnswerForm {
  const { connected, silenceMs = 0 } = object('the answer of verify_player', said) as Verified;
  const silence = durationOf(amount('silenceMs', silenceMs, 0, MOST_SILENCE_MS));
  return { $case: 'verified', value: { connected: flag('connected', connected), silence } };
}

/** What a handler returned to a command of another name; nothing is an answer without content. */
export function customAnswer(said: MessageContent | undefined): CommandOutput {
  const value = said === undefined ? { form: undefined } : contentOf(said);
  return { form: { $case: 'custom', value } };
}

/** Longer, nobody was there. */
const MOST_SILENCE_MS = 365 * 24 * 60 * 60 * 1000;

/** gRPC's code for what has no better one. */
const UNKNOWN = 2;

function failed(message: string): ErrorDetail {
  return ErrorDetail.create({ reason: ErrorReason.COMMAND_FAILED, code: UNKNOWN, message });
}

function consoleForm(said: unknown): AnswerForm {
  if (typeof said === 'string') {
    const lines = said === '' ? [] : text('the output', said).split('\n');
    return { $case: 'console', value: { success: true, lines } };
  }
  const output = Array.isArray(said) ? { success: true, lines: said } : object('the output', said);
  const { success, lines } = output as ConsoleOutput;
  const value = { success: flag('success', success), lines: textList('lines', lines) };
  return { $case: 'console', value };
}

/** What a node answered, for the issuer. */
export function resultOf({ form }: CommandOutput): unknown {
  switch (form?.$case) {
    case 'players':
      return form.value.outcomes.map(({ playerId: id, error }): PlayerResult =>
        error ? { id, error: fromWire(error) } : { id },
      );
    case 'console':
      return form.value;
    case 'verified': {
      const { connected, silence } = form.value;
      return { connected, silenceMs: msOf(silence, 0) };
    }
    case 'custom':
      return form.value.form?.value;
    case undefined:
      return undefined;
  }
}
