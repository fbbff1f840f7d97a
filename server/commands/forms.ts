/** Checks commands and their outputs. Pure. */
import {
  Command,
  CommandOutput,
  type Display,
  type PlayerRef,
} from '../../gen/ts/kelpie/v1/command.js';
import type { IssueCommandRequest } from '../../gen/ts/kelpie/v1/command_service.js';
import { msOf, type WireDuration } from '../core/duration.js';
import { KelpieError } from '../core/errors.js';
import { checkContent } from '../core/content.js';
import { IDENTIFIER_RULE, isIdentifier, labelsOf, textOf } from '../network/labels.js';
import { invalid } from '../players/player.js';
import { cutText } from '../core/text.js';
import type { Limits } from '../network/limits.js';

type Form = NonNullable<Command['form']>;
type OutputForm = NonNullable<CommandOutput['form']>['$case'];

/** The name of each form, which nodes list among their commands, and the form of its output. */
const forms = {
  kickPlayers: { name: 'kick_players', output: 'players' },
  showMessage: { name: 'show_message', output: 'players' },
  runConsoleCommand: { name: 'run_console_command', output: 'console' },
  verifyPlayer: { name: 'verify_player', output: 'verified' },
  prepareArrival: { name: 'prepare_arrival', output: 'done' },
  prepareDeparture: { name: 'prepare_departure', output: 'done' },
  transferPlayer: { name: 'transfer_player', output: 'done' },
  confirmArrival: { name: 'confirm_arrival', output: 'done' },
  transferEnded: { name: 'transfer_ended', output: 'done' },
} as const satisfies Record<Exclude<Form['$case'], 'custom'>, { name: string; output: OutputForm }>;

/** The names of the commands that have a form of their own. */
export const formNames: ReadonlySet<string> = new Set(Object.values(forms).map(({ name }) => name));

const DEFAULT_MS = 10_000;
const LONGEST_MS = 5 * 60 * 1000;
const TEXT_BYTES = 4096;
const PLAYERS = 1000;
const LINES = 10_000;
const CONTEXT_BYTES = 16 * 1024;
/** The texts of the commands of transfers, and the most bytes of each. */
const MOVE_TEXTS = [
  ['transferId', 64],
  ['playerName', 128],
  ['fromServer', 255],
  ['toServer', 255],
  ['server', 255],
  ['toProxy', 63],
] as const;

/** Which outputs a command allows. A pending command keeps only this of the command. */
export interface Expected {
  readonly form: OutputForm;
  /** How many players the command is for. */
  readonly players: number;
}

/** A valid command. */
export interface CheckedCommand {
  readonly name: string;
  readonly expected: Expected;
  /** The command, encoded once for all nodes. */
  readonly encoded: Uint8Array;
  readonly timeoutMs: number;
  readonly attributes: Record<string, string>;
}

/**
 * Checks a command. Throws COMMAND_INVALID, TEXT_TOO_LONG, PAYLOAD_TOO_LARGE, CONTENT_TOO_DEEP,
 * DEADLINE_INVALID, BATCH_INVALID, PLAYER_INVALID or LABELS_INVALID.
 */
export function checkCommand(
  { command, timeout, attributes }: IssueCommandRequest,
  { payloadBytes, jsonDepth }: Limits,
): CheckedCommand {
  const form = command?.form;
  if (!form) throw commandInvalid('command', 'the command is empty; set one of its forms');
  checkForm(form);
  if (form.$case === 'custom') checkContent(form.value.content, jsonDepth);
  const encoded = Command.encode(command).finish();
  checkSize('the command', encoded.length, payloadBytes);
  const timeoutMs = timeoutOf(timeout);
  const expected = expectedOf(form);
  return { name: nameOf(form), expected, encoded, timeoutMs, attributes: labelsOf(attributes) };
}

function expectedOf(form: Form): Expected {
  const players = 'players' in form.value ? form.value.players.length : 0;
  return { form: form.$case === 'custom' ? 'custom' : forms[form.$case].output, players };
}

/** The name of a command. */
export function nameOf(form: Form): string {
  return form.$case === 'custom' ? form.value.name : forms[form.$case].name;
}

/** The timeout of a command in milliseconds. Throws DEADLINE_INVALID. */
export function timeoutOf(timeout: WireDuration | undefined): number {
  const ms = timeout ? msOf(timeout) : DEFAULT_MS;
  if (ms > 0 && ms <= LONGEST_MS) return ms;
  const message = 'the timeout of a command must be above 0 and at most 5 min';
  throw new KelpieError('DEADLINE_INVALID', message, { limit: String(LONGEST_MS) });
}

function checkForm(form: Form): void {
  switch (form.$case) {
    case 'kickPlayers':
      checkPlayers(form.value.players.length);
      textOf('message', form.value.message, TEXT_BYTES);
      return;
    case 'showMessage':
      checkPlayers(form.value.players.length);
      checkDisplay(form.value.display);
      return;
    case 'runConsoleCommand':
      if (form.value.line.trim() === '') throw commandInvalid('line', 'the line is empty; set it');
      textOf('line', form.value.line, TEXT_BYTES);
      return;
    case 'verifyPlayer':
      checkPlayer(form.value.player);
      return;
    case 'prepareArrival':
      checkSize('the context', form.value.context.length, CONTEXT_BYTES);
      checkMove(form.value);
      return;
    case 'prepareDeparture':
    case 'transferPlayer':
    case 'confirmArrival':
    case 'transferEnded':
      checkMove(form.value);
      return;
    case 'custom':
      checkName(form.value.name);
      if (!form.value.content?.form) {
        throw commandInvalid('content', 'the content is empty; set data, text, json or list');
      }
  }
}

/** Checks the parts that commands of transfers share. Throws PLAYER_INVALID or TEXT_TOO_LONG. */
function checkMove(command: { readonly player: PlayerRef | undefined }): void {
  checkPlayer(command.player);
  for (const [field, limit] of MOVE_TEXTS) {
    const text = (command as Partial<Record<typeof field, string>>)[field];
    if (text !== undefined) textOf(snake(field), text, limit);
  }
}

function checkPlayer(player: PlayerRef | undefined): void {
  if (!player) throw invalid('player', 'the command names no player; set player');
}

/** The name of a field as the contract has it. */
function snake(field: string): string {
  return field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function checkName(name: string): void {
  const taken = formNames.has(name);
  if (isIdentifier(name) && !taken) return;
  const why = taken
    ? 'is reserved for a form of its own; use that form'
    : `cannot be the name of a command: ${IDENTIFIER_RULE}`;
  throw commandInvalid('name', `"${cutText(name, 80)}" ${why}`);
}

function checkPlayers(count: number): void {
  if (count >= 1 && count <= PLAYERS) return;
  throw new KelpieError('BATCH_INVALID', `a command is for 1 to ${PLAYERS} players, not ${count}`, {
    players: String(count),
    limit: String(PLAYERS),
  });
}

/** Checks a display. Throws COMMAND_INVALID or TEXT_TOO_LONG. */
export function checkDisplay(display: Display | undefined): void {
  const form = display?.form;
  if (!form) throw commandInvalid('display', 'the display is empty; set one of its forms');
  if (typeof form.value === 'string') {
    textOf(form.$case, form.value, TEXT_BYTES);
    return;
  }
  for (const [field, text] of Object.entries(form.value)) {
    if (typeof text === 'string') textOf(field, text, TEXT_BYTES);
  }
}

/**
 * Checks an output. Throws COMMAND_INVALID if it has another form than the command expects, or too many parts.
 * Throws PAYLOAD_TOO_LARGE or CONTENT_TOO_DEEP.
 */
export function checkOutput(
  expected: Expected,
  output: CommandOutput,
  { payloadBytes, jsonDepth }: Limits,
): void {
  const { form } = output;
  if (form?.$case !== expected.form) {
    const message = `the output of this command must have the form "${expected.form}"; set it, or set failure`;
    throw commandInvalid('output', message);
  }
  if (form.$case === 'custom') checkContent(form.value, jsonDepth);
  if (form.$case === 'console') checkParts('lines', form.value.lines, LINES);
  if (form.$case === 'players') checkParts('outcomes', form.value.outcomes, expected.players);
  checkSize('the output', CommandOutput.encode(output).finish().length, payloadBytes);
}

/** Counts before any work for each part: an empty part takes only two bytes. */
function checkParts(field: string, parts: readonly unknown[], limit: number): void {
  if (parts.length <= limit) return;
  throw commandInvalid(field, `the output has ${parts.length} ${field}; at most ${limit} fit`);
}

/** Throws PAYLOAD_TOO_LARGE. */
function checkSize(what: string, bytes: number, limit: number): void {
  if (bytes <= limit) return;
  throw new KelpieError('PAYLOAD_TOO_LARGE', `${what} has ${bytes} bytes; the limit is ${limit}`, {
    bytes: String(bytes),
    limit: String(limit),
  });
}

/** The error for an invalid part of a command. */
export function commandInvalid(field: string, message: string): KelpieError {
  return new KelpieError('COMMAND_INVALID', message, { field });
}
