/** The errors of commands. */
import { KelpieError } from '../core/errors.js';

/** The issuer withdrew the command. */
export function cancelled(): KelpieError {
  return new KelpieError('CANCELLED', 'the issuer withdrew the command');
}

/** The node certainly did not run the command. */
export function notDelivered(name: string): KelpieError {
  return new KelpieError('NOT_DELIVERED', `"${name}" did not get the command`, { name });
}

/** The node may have run the command. */
function unanswered(name: string): KelpieError {
  const message = `"${name}" got the command and sent no reply; it may have done it`;
  return new KelpieError('OUTCOME_UNKNOWN', message, { name });
}

/** The end of a command at a node that gave no answer. */
export function failureOf(name: string, { handed }: { readonly handed: string }): KelpieError {
  return handed === 'no' ? notDelivered(name) : unanswered(name);
}

/** The coordinator of the node's stream may have given the command to the node. */
export function unreachable(name: string): KelpieError {
  const message = `the coordinator that has the stream of "${name}" does not answer; "${name}" may have done the command`;
  return new KelpieError('OUTCOME_UNKNOWN', message, { name });
}

/** The node's queue is full; the node did not get the command. */
export function busy(name: string): KelpieError {
  return new KelpieError(
    'COMMAND_LIMIT',
    `"${name}" did not get the command: too many commands wait for it; try again`,
    { name },
    { retryAfterMs: 1000 },
  );
}

/** A limit of the coordinator or of the issuer is reached; no node got the command. */
export function limitError(message: string, limit: number): KelpieError {
  return new KelpieError(
    'COMMAND_LIMIT',
    message,
    { limit: String(limit) },
    { retryAfterMs: 1000 },
  );
}

/** The error for a reply for which no command waits. */
export function notWaiting(commandId: number): KelpieError {
  const message =
    'no command with this id waits for a reply of this node: it has ended, or has a reply';
  return new KelpieError('COMMAND_NOT_FOUND', message, { command_id: String(commandId) });
}
