/** Replies to commands, in the forms of handlers, of the contract and of issuers. Pure. */
import type { CommandOutput, PlayerOutcome } from '../../gen/ts/kelpie/v1/command.js';
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
import { isMoveName } from './moves.js';
import { contentOf, type MessageContent } from '../events/content.js';
import { durationOf, msOf } from '../core/duration.js';
import { fromWire } from '../errors.js';

type ReplyForm = NonNullable<CommandOutput['form']>;

/** The reply of a handler to a command of the contract, on the wire. */
export function outputOf<Name extends FormName>(
  name: Name,
  request: Forms[Name]['request'],
  returned: Forms[Name]['reply'],
): CommandOutput;
export function outputOf(name: FormName, request: unknown, returned: unknown): CommandOutput {
  if (name === 'run_console_command') return { form: consoleForm(returned) };
  if (name === 'verify_player') return { form: verifiedForm(returned) };
  if (isMoveName(name)) return { form: doneForm(name, returned) };
  const { players } = request as Forms['kick_players']['request'];
  const failures = new Map(failuresOf(name, returned).map(({ id, message }) => [id, message]));
  const outcomes = players.map(({ id: playerId }) => {
    const message = failures.get(playerId);
    return { playerId, error: message === undefined ? undefined : failed(message) };
  });
  return { form: { $case: 'players', value: { outcomes } } };
}

function doneForm(name: FormName, returned: unknown): ReplyForm {
  if (returned === undefined) return { $case: 'done', value: {} };
  const message = `the handler of ${name} returned ${shown(returned)}; it returns nothing, and throws an error to refuse`;
  throw invalid(message, name);
}

/** The players for whom the handler failed. Throws VALUE_INVALID for anything but a list of failures. */
export function failuresOf(name: FormName, returned: unknown): readonly PlayerFailure[] {
  const failures = returned ?? [];
  if (!Array.isArray(failures))
    throw invalid(
      `the handler of ${name} returned ${shown(returned)}; it returns nothing, or a list of { id, message }`,
      name,
    );
  return Array.from(failures, (failure: unknown) => {
    const { id, message } = object('a failure', failure) as PlayerFailure;
    return { id: text('a failure.id', id), message: text('a failure.message', message) };
  });
}

function verifiedForm(returned: unknown): ReplyForm {
  const { connected, silenceMs = 0 } = object('the reply of verify_player', returned) as Verified;
  const silence = durationOf(amount('silenceMs', silenceMs, 0, MOST_SILENCE_MS));
  return { $case: 'verified', value: { connected: flag('connected', connected), silence } };
}

/** The reply of a handler to a custom command. A handler that returns nothing sends a reply without content. */
export function customOutputOf(returned: MessageContent | undefined): CommandOutput {
  const value = returned === undefined ? { form: undefined } : contentOf(returned);
  return { form: { $case: 'custom', value } };
}

/** The longest silence that a handler can report: a year. */
const MOST_SILENCE_MS = 365 * 24 * 60 * 60 * 1000;

/** The gRPC code UNKNOWN, for a failure without a better code. */
const UNKNOWN = 2;

function failed(message: string): ErrorDetail {
  return ErrorDetail.create({ reason: ErrorReason.COMMAND_FAILED, code: UNKNOWN, message });
}

function consoleForm(returned: unknown): ReplyForm {
  if (typeof returned === 'string') {
    const lines = returned === '' ? [] : text('the output', returned).split('\n');
    return { $case: 'console', value: { success: true, lines } };
  }
  const output = Array.isArray(returned)
    ? { success: true, lines: returned }
    : object('the output', returned);
  const { success, lines } = output as ConsoleOutput;
  const value = { success: flag('success', success), lines: textList('lines', lines) };
  return { $case: 'console', value };
}

/** The reply of a node, for the issuer. */
export function replyOf({ form }: CommandOutput): unknown {
  switch (form?.$case) {
    case 'players':
      return form.value.outcomes.map(playerResultOf);
    case 'console':
      return form.value;
    case 'verified': {
      const { connected, silence } = form.value;
      return { connected, silenceMs: msOf(silence, 0) };
    }
    case 'custom':
      return form.value.form?.value;
    case 'done':
    case undefined:
      return undefined;
  }
}

export function playerResultOf({ playerId: id, error }: PlayerOutcome): PlayerResult {
  return error ? { id, error: fromWire(error) } : { id };
}
