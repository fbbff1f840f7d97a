/** The time that a coordinator has for a request. */
import type { Duration } from '../../gen/ts/google/protobuf/duration.js';
import { KelpieError } from '../errors.js';
import { shown } from './arguments.js';
import { durationOf } from './duration.js';

const LONGEST_MS = 5 * 60 * 1000;

/** Throws DEADLINE_INVALID. */
export function deadlineOf(timeoutMs: number): Duration {
  if (typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs <= LONGEST_MS)
    return durationOf(timeoutMs);
  const message = `timeoutMs is ${shown(timeoutMs)}; it must be above 0, and at most 300000 (5 min)`;
  throw new KelpieError('DEADLINE_INVALID', message, { permanent: true });
}
