/** Why the coordinator ends a session that did nothing wrong. */
import { KelpieError } from '../core/errors.js';

export function drainingError(): KelpieError {
  const message = 'the coordinator is about to stop; connect again, here or elsewhere';
  return new KelpieError('DRAINING', message, {}, { retryAfterMs: 500 });
}

export function endedError(name: string): KelpieError {
  return new KelpieError('SESSION_ENDED', `an operator ended the session of "${name}"`, { name });
}

export function replacedError(name: string): KelpieError {
  return new KelpieError('SESSION_REPLACED', `a newer stream of "${name}" took over`, { name });
}
