/** What is said of nodes and players, checked. */
import { KelpieError } from '../core/errors.js';
import { cutText } from '../core/text.js';

/** Labels of a node, and properties of a player. */
export const LABELS = 64;
const LABEL_NAME_BYTES = 63;
const LABEL_VALUE_BYTES = 255;
const COMMANDS = 256;
const COMMAND = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** The text, if it has at most so many bytes. Throws TEXT_TOO_LONG. */
export function textOf(field: string, value: string, limit: number): string {
  if (Buffer.byteLength(value) <= limit) return value;
  throw new KelpieError(
    'TEXT_TOO_LONG',
    `${field} has ${Buffer.byteLength(value)} bytes; the limit is ${limit}`,
    { field, limit: String(limit) },
  );
}

/** In the order of their names, so that the same labels are the same bytes. Throws LABELS_INVALID. */
export function labelsOf(labels: Record<string, string>): Record<string, string> {
  const entries = Object.entries(labels);
  if (entries.length > LABELS) {
    throw labelError(`${entries.length} labels; the limit is ${LABELS}`, '', LABELS);
  }
  entries.sort(([left], [right]) => (left < right ? -1 : 1));
  for (const [name, value] of entries) {
    const bytes = Buffer.byteLength(name);
    if (bytes < 1 || bytes > LABEL_NAME_BYTES) {
      const shown = cutText(name, LABEL_NAME_BYTES);
      throw labelError(
        `label name "${shown}" has ${bytes} bytes; 1 to ${LABEL_NAME_BYTES} fit`,
        shown,
        LABEL_NAME_BYTES,
      );
    }
    if (Buffer.byteLength(value) > LABEL_VALUE_BYTES) {
      throw labelError(
        `label "${name}" has a value of ${Buffer.byteLength(value)} bytes; the limit is ${LABEL_VALUE_BYTES}`,
        name,
        LABEL_VALUE_BYTES,
      );
    }
  }
  return Object.fromEntries(entries);
}

/**
 * The names of commands that a node does, sorted, each once. Throws COMMAND_INVALID for what cannot be a
 * name, or too many.
 */
export function commandsOf(names: readonly string[]): string[] {
  const odd = names.find((name) => !isCommandName(name));
  if (odd !== undefined) {
    throw commandError(`"${cutText(odd, 80)}" cannot be the name of a command`);
  }
  const commands = [...new Set(names)].sort();
  if (commands.length <= COMMANDS) return commands;
  throw commandError(`${commands.length} commands; a node does at most ${COMMANDS}`);
}

/** Whether something can be the name of a command. */
export function isCommandName(name: string): boolean {
  return COMMAND.test(name);
}

function commandError(message: string): KelpieError {
  return new KelpieError('COMMAND_INVALID', message, { field: 'commands' });
}

function labelError(message: string, label: string, limit: number): KelpieError {
  return new KelpieError('LABELS_INVALID', message, { label, limit: String(limit) });
}
