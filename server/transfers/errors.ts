/** The errors of transfers, and the errors of their commands as errors of transfers. Pure. */
import { KelpieError } from '../core/errors.js';
import { cutText } from '../core/text.js';

/** The player is on the target already. */
export function alreadyThere(name: string): KelpieError {
  const message = `the player is on "${name}" already`;
  return new KelpieError('ALREADY_THERE', message, { name });
}

/** Another transfer has the player. */
export function inProgress(): KelpieError {
  const message = 'another transfer of the player is under way; wait for its end';
  return new KelpieError('TRANSFER_IN_PROGRESS', message);
}

export function quit(): KelpieError {
  return new KelpieError('PLAYER_QUIT', 'the player left during the transfer');
}

export function again(): KelpieError {
  return new KelpieError('PLAYER_QUIT', 'the player logged in again during the transfer');
}

export function proxyLost(name: string): KelpieError {
  const message = `"${name}", which held the player, left during the transfer`;
  return new KelpieError('PROXY_LOST', message, { name });
}

export function targetLost(name: string): KelpieError {
  const message = `"${name}" left during the transfer; move the player to another server`;
  return new KelpieError('TARGET_LOST', message, { name });
}

/** `isMoving`: the proxy has its command. */
export function timedOut(limitMs: number, name: string, isMoving: boolean): KelpieError {
  const waited = name === '' ? 'the transfer did not end' : `"${name}" did not do its part`;
  const where = isMoving ? 'the player may arrive later' : 'nobody moved the player';
  const message = `${waited} within ${limitMs} ms; ${where}`;
  return new KelpieError('TIMED_OUT', message, { limit: String(limitMs), name });
}

/** The coordinator stops and does not follow the player any more. */
export function unknown(name: string): KelpieError {
  const message = 'the coordinator stopped during the transfer; look where the player is';
  return new KelpieError('OUTCOME_UNKNOWN', message, { name });
}

/** The coordinator stops before anybody moved the player. */
export function stopping(): KelpieError {
  const message = 'the coordinator is about to stop and did not move the player; try again';
  return new KelpieError('DRAINING', message, {}, { retryAfterMs: 1000 });
}

/** The player is at another place than the target. */
export function elsewhere({ proxy, server }: { proxy: string; server: string }): KelpieError {
  const where = server === '' ? 'on no server' : `on "${server}"`;
  const message = `the player is ${where} of "${proxy}" now, and not on the target`;
  return new KelpieError('REJECTED_BY_PROXY', message, { name: proxy });
}

/** Too much is under way. */
export function transferLimit(message: string, limit: number): KelpieError {
  const metadata = { limit: String(limit) };
  return new KelpieError('TRANSFER_LIMIT', message, metadata, { retryAfterMs: 1000 });
}

export function noPublicAddress(name: string): KelpieError {
  const message = `players cannot come to "${name}" directly: set public_address in its Hello`;
  return new KelpieError('NO_PUBLIC_ADDRESS', message, { name });
}

export function notHandled(name: string, command: string): KelpieError {
  const message = `"${name}" does not handle ${command}; its plugin must announce the command`;
  return new KelpieError('COMMAND_NOT_HANDLED', message, { name, command });
}

/** Whether the node certainly did not do its command. */
export function isRefusal({ reason }: KelpieError): boolean {
  return reason !== 'OUTCOME_UNKNOWN' && reason !== 'CANCELLED';
}

/** The target did not prepare. */
export function ofTarget(error: KelpieError, name: string): KelpieError {
  // The process that had the command left; another one may have its name.
  if (error.reason === 'OUTCOME_UNKNOWN') return targetLost(name);
  return unasked(error, name) ?? rejected('REJECTED_BY_TARGET', error, name);
}

/** The source did not prepare. */
export function ofSource(error: KelpieError, name: string): KelpieError {
  if (error.reason === 'OUTCOME_UNKNOWN') return error;
  return unasked(error, name) ?? rejected('REJECTED_BY_SOURCE', error, name);
}

/** The proxy did not begin. */
export function ofProxy(error: KelpieError, name: string): KelpieError {
  return unasked(error, name) ?? rejected('REJECTED_BY_PROXY', error, name);
}

/** The player is on the target, which did not confirm it. */
export function ofConfirmation(error: KelpieError, name: string): KelpieError {
  if (error.reason === 'COMMAND_FAILED') return rejected('REJECTED_BY_TARGET', error, name);
  const message = `the player moved to "${name}", which did not confirm their arrival`;
  return new KelpieError('OUTCOME_UNKNOWN', message, { name });
}

/** The error where the node did not get its command, and thus did not refuse. */
function unasked(error: KelpieError, name: string): KelpieError | undefined {
  switch (error.reason) {
    case 'COMMAND_NOT_HANDLED':
      return error;
    case 'COMMAND_LIMIT':
      return new KelpieError('TRANSFER_LIMIT', error.message, error.metadata, {
        retryAfterMs: 1000,
      });
    case 'NOT_DELIVERED':
      return new KelpieError(
        'SERVER_UNREACHABLE',
        `"${name}" has no stream, and did not get its part of the transfer; try again`,
        { name },
        { retryAfterMs: 1000 },
      );
    default:
      return undefined;
  }
}

/** The node refused. Its message is for the issuer. */
function rejected(
  reason: 'REJECTED_BY_TARGET' | 'REJECTED_BY_SOURCE' | 'REJECTED_BY_PROXY',
  error: KelpieError,
  name: string,
): KelpieError {
  return new KelpieError(reason, cutText(error.message, 512), { name });
}
