import { cutBytes } from './text.js';

/** The numbers of google.rpc.Code, as far as Kelpie uses them. */
export const Code = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

/**
 * Every reason for which Kelpie refuses or fails something, with the code of its status. The one
 * table: a test holds it equal to the enum `Reason` of the contract.
 */
export const reasons = {
  INTERNAL: 'INTERNAL',
  FRAME_UNKNOWN: 'UNIMPLEMENTED',
  HELLO_REQUIRED: 'FAILED_PRECONDITION',
  HELLO_DUPLICATE: 'FAILED_PRECONDITION',
  HELLO_TIMEOUT: 'DEADLINE_EXCEEDED',
  NODE_NAME_INVALID: 'INVALID_ARGUMENT',
  NODE_NAME_IN_USE: 'FAILED_PRECONDITION',
  NODE_NOT_FOUND: 'NOT_FOUND',
  ROLE_INVALID: 'INVALID_ARGUMENT',
  INSTANCE_ID_INVALID: 'INVALID_ARGUMENT',
  LABELS_INVALID: 'INVALID_ARGUMENT',
  TEXT_TOO_LONG: 'INVALID_ARGUMENT',
  TOPIC_INVALID: 'INVALID_ARGUMENT',
  TOPIC_RESERVED: 'INVALID_ARGUMENT',
  PATTERN_LIMIT: 'RESOURCE_EXHAUSTED',
  START_MISSING: 'INVALID_ARGUMENT',
  START_INVALID: 'INVALID_ARGUMENT',
  CURSOR_INVALID: 'INVALID_ARGUMENT',
  EVENT_EMPTY: 'INVALID_ARGUMENT',
  PAYLOAD_TOO_LARGE: 'INVALID_ARGUMENT',
  BATCH_INVALID: 'INVALID_ARGUMENT',
  PUBLISH_SEQUENCE_HOLE: 'OUT_OF_RANGE',
  ACK_INVALID: 'INVALID_ARGUMENT',
  WINDOW_INVALID: 'INVALID_ARGUMENT',
  SESSION_REPLACED: 'ABORTED',
  SESSION_SILENT: 'ABORTED',
  STALE_GENERATION: 'ABORTED',
  DRAINING: 'UNAVAILABLE',
  OUTCOME_UNKNOWN: 'UNAVAILABLE',
  PAGE_TOKEN_INVALID: 'INVALID_ARGUMENT',
  OUT_OF_RANGE: 'INVALID_ARGUMENT',
  SESSION_LIMIT: 'RESOURCE_EXHAUSTED',
  SESSION_ENDED: 'ABORTED',
  HELLO_TOO_LARGE: 'INVALID_ARGUMENT',
  PLAYER_INVALID: 'INVALID_ARGUMENT',
  PLAYER_NOT_FOUND: 'NOT_FOUND',
  PLAYER_LIMIT: 'RESOURCE_EXHAUSTED',
  ROLE_HOLDS_NO_PLAYERS: 'FAILED_PRECONDITION',
  COMMAND_INVALID: 'INVALID_ARGUMENT',
  DEADLINE_INVALID: 'INVALID_ARGUMENT',
  NO_TARGET: 'NOT_FOUND',
  COMMAND_NOT_HANDLED: 'UNIMPLEMENTED',
  COMMAND_NOT_FOUND: 'NOT_FOUND',
  COMMAND_LIMIT: 'RESOURCE_EXHAUSTED',
  NOT_DELIVERED: 'UNAVAILABLE',
  COMMAND_FAILED: 'UNKNOWN',
  CANCELLED: 'CANCELLED',
  JOURNAL_READ_ONLY: 'UNAVAILABLE',
  CONTENT_TOO_DEEP: 'INVALID_ARGUMENT',
  PUBLISH_LIMIT: 'RESOURCE_EXHAUSTED',
  MESSAGE_INVALID: 'INVALID_ARGUMENT',
  MESSAGE_TOO_LARGE: 'RESOURCE_EXHAUSTED',
  REQUEST_TIMEOUT: 'DEADLINE_EXCEEDED',
  CALL_LIMIT: 'RESOURCE_EXHAUSTED',
  PLAYER_AMBIGUOUS: 'FAILED_PRECONDITION',
  ALREADY_THERE: 'FAILED_PRECONDITION',
  SERVER_FULL: 'RESOURCE_EXHAUSTED',
  SERVER_DRAINING: 'FAILED_PRECONDITION',
  SERVER_UNREACHABLE: 'UNAVAILABLE',
  REJECTED_BY_TARGET: 'FAILED_PRECONDITION',
  REJECTED_BY_SOURCE: 'FAILED_PRECONDITION',
  REJECTED_BY_PROXY: 'FAILED_PRECONDITION',
  TRANSFER_IN_PROGRESS: 'ABORTED',
  PLAYER_QUIT: 'ABORTED',
  PROXY_LOST: 'ABORTED',
  TARGET_LOST: 'ABORTED',
  TIMED_OUT: 'DEADLINE_EXCEEDED',
  TRANSFER_LIMIT: 'RESOURCE_EXHAUSTED',
  NO_PUBLIC_ADDRESS: 'FAILED_PRECONDITION',
  ROUTING_INVALID: 'INVALID_ARGUMENT',
  SEQUENCE_CONFLICT: 'ABORTED',
  VALUE_NOT_FOUND: 'NOT_FOUND',
  KEY_INVALID: 'INVALID_ARGUMENT',
  STATE_LIMIT: 'RESOURCE_EXHAUSTED',
  RESERVATION_NOT_FOUND: 'NOT_FOUND',
  RESERVATION_LIMIT: 'RESOURCE_EXHAUSTED',
  CREDENTIAL_REQUIRED: 'UNAUTHENTICATED',
  CREDENTIAL_INVALID: 'UNAUTHENTICATED',
  CREDENTIAL_EXPIRED: 'UNAUTHENTICATED',
  CREDENTIAL_REVOKED: 'UNAUTHENTICATED',
  RIGHT_MISSING: 'PERMISSION_DENIED',
  AUTHENTICATION_LIMIT: 'RESOURCE_EXHAUSTED',
  RIGHTS_INVALID: 'INVALID_ARGUMENT',
  CREDENTIAL_NOT_FOUND: 'NOT_FOUND',
  CREDENTIAL_LIMIT: 'RESOURCE_EXHAUSTED',
  JOIN_TOKEN_USED: 'FAILED_PRECONDITION',
  CONNECTION_LIMIT: 'RESOURCE_EXHAUSTED',
  RATE_LIMIT: 'RESOURCE_EXHAUSTED',
  SESSION_STALLED: 'ABORTED',
  NETWORK_LIMIT: 'RESOURCE_EXHAUSTED',
  NETWORK_UNAVAILABLE: 'UNAVAILABLE',
  EPOCH_ENDED: 'UNAVAILABLE',
  ENGINE_UNAVAILABLE: 'UNAVAILABLE',
} as const satisfies Record<string, keyof typeof Code>;

/** The name of a reason: its name in the contract, without the prefix. */
export type ReasonName = keyof typeof reasons;

/** Facts of an error that programs can read. The contract's enum Reason lists their names. */
export type Metadata = Record<string, string>;

/**
 * The limits of an error's message, and of all its facts together, in bytes. An error may repeat text that a
 * peer sent. It stands three times in the trailers of a call, and many clients accept at most 8 KiB of trailers.
 */
const MESSAGE_BYTES = 768;
const METADATA_BYTES = 1024;

/**
 * The only error that Kelpie's own code throws at a user. The message says what is wrong and what
 * to do; `metadata` repeats its facts. The constructor cuts both to a size that every transport carries.
 */
export class KelpieError extends Error {
  readonly reason: ReasonName;
  readonly metadata: Metadata;
  /** Set if the caller should try again: the caller waits at least this long before. */
  readonly retryAfterMs: number | undefined;

  constructor(
    reason: ReasonName,
    message: string,
    metadata: Metadata = {},
    options: { cause?: unknown; retryAfterMs?: number } = {},
  ) {
    super(cutBytes(message, MESSAGE_BYTES), { cause: options.cause });
    this.name = 'KelpieError';
    this.reason = reason;
    this.metadata = cutFacts(metadata);
    this.retryAfterMs = options.retryAfterMs;
  }

  /** The google.rpc.Code of the reason. */
  get code(): number {
    return Code[reasons[this.reason]];
  }
}

function cutFacts(metadata: Metadata): Metadata {
  let room = METADATA_BYTES;
  const facts = Object.entries(metadata).map(([key, value]) => {
    const text = cutBytes(value, Math.max(0, room));
    room -= key.length + Buffer.byteLength(text);
    return [key, text];
  });
  return Object.fromEntries(facts) as Metadata;
}

/** The error for a number outside its range. `limit` is the end of the range that the number passes. */
export function outOfRange(field: string, limit: number | string, message: string): KelpieError {
  return new KelpieError('OUT_OF_RANGE', message, { field, limit: String(limit) });
}
