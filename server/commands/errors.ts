/** How commands fail. */
import { KelpieError } from '../core/errors.js';

/** The issuer withdrew it. */
export function cancelled(): KelpieError {
  return new KelpieError('CANCELLED', 'the command was withdrawn');
}

/** Certainly not done. */
export function notDelivered(name: string): KelpieError {
  return new KelpieError('NOT_DELIVERED', `"${name}" was not handed the command`, { name });
}

/** Perhaps done. */
export function unanswered(name: string): KelpieError {
  const message = `"${name}" was handed the command and did not answer; it may have done it`;
  return new KelpieError('OUTCOME_UNKNOWN', message, { name });
}

/** The node has no room for it; not done. */
export function busy(name: string): KelpieError {
  return new KelpieError(
    'COMMAND_LIMIT',
    `"${name}" has too many commands before this one`,
    { name },
    { retryAfterMs: 1000 },
  );
}

/** There is no room for it, with the coordinator or for its issuer; nobody was asked. */
export function limitError(message: string, limit: number): KelpieError {
  return new KelpieError(
    'COMMAND_LIMIT',
    message,
    { limit: String(limit) },
    { retryAfterMs: 1000 },
  );
}

/** To a node, whose answer nobody waits for. */
export function notWaiting(commandId: number): KelpieError {
  const message = 'no such command waits for an answer of this node';
  return new KelpieError('COMMAND_NOT_FOUND', message, { command_id: String(commandId) });
}
