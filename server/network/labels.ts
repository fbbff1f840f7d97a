/** Checks for texts, labels, and the names of commands and features. */
import { KelpieError } from '../core/errors.js';
import { cutText } from '../core/text.js';

/** The most labels of a node, and the most properties of a player. */
export const LABELS = 64;
const LABEL_NAME_BYTES = 63;
const LABEL_VALUE_BYTES = 255;
const COMMANDS = 256;
const IDENTIFIER = /^[a-z0-9][a-z0-9._-]{0,62}$/;
/** The rule above, for messages. */
export const IDENTIFIER_RULE =
  'a name has 1 to 63 of a-z, 0-9, ".", "_" and "-", and begins with a letter or digit';

/** Returns the text if it has at most `limit` bytes. Throws TEXT_TOO_LONG. */
export function textOf(field: string, value: string, limit: number): string {
  if (Buffer.byteLength(value) <= limit) return value;
  throw new KelpieError(
    'TEXT_TOO_LONG',
    `${field} has ${Buffer.byteLength(value)} bytes; the limit is ${limit}`,
    { field, limit: String(limit) },
  );
}

/** Sorts labels by name, so that equal labels have equal bytes. Throws LABELS_INVALID. */
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
 * Sorts the names of the commands that a node handles, and removes duplicates. Throws COMMAND_INVALID for an
 * invalid name and for too many names.
 */
export function commandsOf(names: readonly string[]): string[] {
  const odd = names.find((name) => !isIdentifier(name));
  if (odd !== undefined) {
    throw commandError(`"${cutText(odd, 80)}" cannot be the name of a command: ${IDENTIFIER_RULE}`);
  }
  const commands = [...new Set(names)].sort();
  if (commands.length <= COMMANDS) return commands;
  throw commandError(`${commands.length} commands; a node handles at most ${COMMANDS}`);
}

/** Whether the text can be the name of a command or of a feature. */
export function isIdentifier(name: string): boolean {
  return IDENTIFIER.test(name);
}

function commandError(message: string): KelpieError {
  return new KelpieError('COMMAND_INVALID', message, { field: 'commands' });
}

function labelError(message: string, label: string, limit: number): KelpieError {
  return new KelpieError('LABELS_INVALID', message, { label, limit: String(limit) });
}
