/** Checks a value before it is stored. */
import { Content, StateValue } from '../../gen/ts/kelpie/v1/event.js';
import type { PutValueRequest } from '../../gen/ts/kelpie/v1/state_service.js';
import { checkContent } from '../core/content.js';
import { durationOf, msOf, type WireDuration } from '../core/duration.js';
import { KelpieError, outOfRange } from '../core/errors.js';
import type { ValueLimits } from './admission.js';

const LEAST_TTL_MS = 1000;
const MOST_TTL_MS = 30 * 24 * 60 * 60 * 1000;

/**
 * The value of a request, without its owner. Throws OUT_OF_RANGE, EVENT_EMPTY, PAYLOAD_TOO_LARGE or
 * CONTENT_TOO_DEEP.
 */
export function valueOf(request: PutValueRequest, limits: ValueLimits, time: Date): StateValue {
  const { bucket, key, content, ttl } = request;
  if (!content?.form) {
    const message = 'the value has no content: set content to data, text, json or list';
    throw new KelpieError('EVENT_EMPTY', message);
  }
  const bytes = Content.encode(content).finish().length;
  if (bytes > limits.valueBytes) {
    const message = `the value has ${bytes} bytes; the limit is ${limits.valueBytes}`;
    const facts = { bytes: String(bytes), limit: String(limits.valueBytes) };
    throw new KelpieError('PAYLOAD_TOO_LARGE', message, facts);
  }
  checkContent(content, limits.jsonDepth);
  const ends = ttl && durationOf(ttlMsOf(ttl));
  return StateValue.create({ bucket, key, content, updateTime: time, ttl: ends });
}

function ttlMsOf(ttl: WireDuration): number {
  const ms = Math.round(msOf(ttl));
  if (ms >= LEAST_TTL_MS && ms <= MOST_TTL_MS) return ms;
  const limit = ms < LEAST_TTL_MS ? LEAST_TTL_MS : MOST_TTL_MS;
  const message =
    'the TTL of a value is 1 s to 30 days; leave it out for a value that does not end';
  throw outOfRange('ttl', limit, message);
}
