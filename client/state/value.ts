/** The requests about shared values. */
import type {
  DeleteValueRequest,
  PutValueRequest,
  StateGuard as WireGuard,
} from '../../gen/ts/kelpie/v1/state_service.js';
import { flag, whole } from '../core/arguments.js';
import { durationOf } from '../core/duration.js';
import { known } from '../core/known.js';
import { contentOf, type MessageContent } from '../events/content.js';
import { placeOf, type ValuePlace } from '../core/value-place.js';

/** The longest TTL, 30 days. */
const LONGEST_TTL_MS = 30 * 24 * 60 * 60 * 1000;

/** A value that must be as the writer has seen it, such as a lock. */
export interface ValueGuard {
  readonly bucket: string;
  readonly key: string;
  /** The sequence of the value; 0: it must be absent. */
  readonly sequence: number;
}

/** The conditions of a write. If one fails, the write rejects with SEQUENCE_CONFLICT and changes nothing. */
export interface WriteOptions {
  /** The sequence of the value that the writer has seen; 0: it must be absent. Default: no condition. */
  readonly expect?: number;
  /** Another value that must be as the writer has seen it: `lock.guard`. */
  readonly guard?: ValueGuard;
}

/** The options of a put. */
export interface PutOptions extends WriteOptions {
  /** The time after which the value ends, from 1000 (1 s) to 30 days. Each put begins it anew. Default: no end. */
  readonly ttlMs?: number;
}

/** The options of a put by a node. */
export interface NodePutOptions extends PutOptions {
  /** Whether the value ends with this process: when the node leaves, or when another process takes its name. */
  readonly bound?: boolean;
}

/** The request of a put. Throws VALUE_INVALID, OUT_OF_RANGE, KEY_INVALID, CONTENT_TOO_DEEP or PAYLOAD_TOO_LARGE. */
export function putOf(
  place: ValuePlace,
  value: MessageContent,
  { ttlMs, ...options }: PutOptions,
  owner: string,
): PutValueRequest {
  const ttl = ttlMs === undefined ? undefined : whole('ttlMs', ttlMs, 1000, LONGEST_TTL_MS);
  return {
    ...place,
    ...conditionsOf(options, 0),
    content: contentOf(value),
    ttl: ttl === undefined ? undefined : durationOf(ttl),
    owner,
  };
}

/** The request of a deletion. Throws VALUE_INVALID, OUT_OF_RANGE or KEY_INVALID. */
export function deletionOf(place: ValuePlace, options: WriteOptions): DeleteValueRequest {
  return { ...place, ...conditionsOf(options, 1) };
}

function conditionsOf({ expect, guard }: WriteOptions, least: number) {
  return {
    expectedSequence: expect === undefined ? undefined : whole('expect', expect, least),
    guard: guard === undefined ? undefined : guardOf(guard),
  };
}

function guardOf(given: ValueGuard): WireGuard {
  const { bucket, key, sequence } = known('guard', given, { bucket: 1, key: 1, sequence: 1 });
  return { ...placeOf(bucket, key), sequence: whole('guard.sequence', sequence) };
}

/** The options of a put by a session, checked. Throws VALUE_INVALID. */
export function checkedPut(options: NodePutOptions): NodePutOptions {
  const fields = { expect: 1, guard: 1, ttlMs: 1, bound: 1 };
  const checked = known('the options object of put', options, fields);
  if (checked.bound !== undefined) flag('bound', checked.bound);
  return checked;
}

/** The options of a deletion, checked. Throws VALUE_INVALID. */
export function checkedDeletion(options: WriteOptions): WriteOptions {
  return known('the options object of delete', options, { expect: 1, guard: 1 });
}
