/** The one error of the client, made from whatever the wire or the transport gives. */
import { ClientError, Status } from 'nice-grpc-common';
import { RichClientError } from 'nice-grpc-error-details';
import { ErrorDetail as WireError, ErrorReason } from '../gen/ts/kelpie/v1/error.js';
import { msOf } from './core/duration.js';

/** Why something failed: a reason of the contract, or one of the client's own. */
export type FailureReason =
  | Exclude<keyof typeof ErrorReason, 'UNSPECIFIED'>
  /** The coordinator cannot be reached, or the stream broke. */
  | 'UNAVAILABLE'
  /** The answer came from something that is no coordinator: another program, or a balancer in between. */
  | 'NOT_A_COORDINATOR'
  /** What was handed in cannot be carried or used. The message names the place. */
  | 'VALUE_INVALID'
  /** The client was closed. */
  | 'CLOSED'
  /** Too much waits to be acknowledged. */
  | 'PUBLISH_QUEUE_FULL'
  /** Players are asked of a roster that was made without them. */
  | 'ROSTER_WITHOUT_PLAYERS'
  /** A file of the client's cannot be read. */
  | 'FILE_INVALID'
  /** A handler did not settle in time. */
  | 'HANDLER_TIMEOUT'
  /** A call got no answer in time. */
  | 'CALL_TIMEOUT'
  /** The caller ended the call. */
  | 'CALL_CANCELLED'
  /** A token would go in clear text to another machine. */
  | 'TOKEN_UNPROTECTED'
  /** Too many requests wait for answers, or too many bytes of them. */
  | 'REQUEST_QUEUE_FULL'
  /** Too many bytes of a command's results wait to be read. */
  | 'RESULTS_UNREAD'
  /** The other side broke the protocol. */
  | 'PROTOCOL'
  /** Anything else; the cause says more. */
  | 'UNKNOWN';

interface ErrorOptions {
  readonly metadata?: Record<string, string>;
  readonly permanent?: boolean;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

export class KelpieError extends Error {
  readonly reason: FailureReason;
  /** The facts of the message, by name. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Trying the same again can never help. */
  readonly permanent: boolean;
  /** Set where the coordinator asks to wait at least this long before the next attempt. */
  readonly retryAfterMs: number | undefined;

  constructor(reason: FailureReason, message: string, options: ErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = 'KelpieError';
    this.reason = reason;
    this.metadata = options.metadata ?? {};
    this.permanent = options.permanent ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Codes that say that the request itself is at fault. */
const PERMANENT: readonly number[] = [
  Status.INVALID_ARGUMENT,
  Status.NOT_FOUND,
  Status.UNIMPLEMENTED,
  Status.PERMISSION_DENIED,
  Status.UNAUTHENTICATED,
];

const names = new Map<number, FailureReason>(
  Object.entries(ErrorReason).map(([name, number]) => [number, name as FailureReason]),
);

/** An error of a frame. */
export function fromWire(error: WireError | undefined): KelpieError {
  if (!error) return new KelpieError('UNKNOWN', 'the coordinator gave no reason');
  const { metadata, code, retryAfter } = error;
  return new KelpieError(names.get(error.reason) ?? 'UNKNOWN', error.message, {
    metadata,
    permanent: PERMANENT.includes(code),
    retryAfterMs: retryAfter && msOf(retryAfter, 0),
  });
}

/** The coordinator's own error, as it comes through a transport without a wire. */
interface Reasoned {
  readonly reason: FailureReason;
  readonly code: number;
  readonly message: string;
  readonly metadata: Record<string, string>;
  readonly retryAfterMs?: number | undefined;
}

function isReasoned(thrown: unknown): thrown is Reasoned {
  return (
    thrown instanceof Error &&
    'code' in thrown &&
    'metadata' in thrown &&
    'reason' in thrown &&
    [...names.values()].includes(thrown.reason as FailureReason)
  );
}

/** Anything thrown by a call or a stream. */
export function fromThrown(thrown: unknown): KelpieError {
  if (thrown instanceof KelpieError) return thrown;
  if (thrown instanceof RichClientError) {
    for (const detail of thrown.extra) {
      if ('typeUrl' in detail && detail.typeUrl.endsWith('/kelpie.v1.ErrorDetail')) {
        return fromWire(WireError.decode(detail.value));
      }
    }
  }
  if (isReasoned(thrown)) {
    const { reason, message, metadata, code, retryAfterMs } = thrown;
    const permanent = PERMANENT.includes(code);
    return new KelpieError(reason, message, { metadata, permanent, retryAfterMs });
  }
  if (thrown instanceof ClientError) {
    return new KelpieError(reasonOf(thrown), thrown.details, { cause: thrown });
  }
  return new KelpieError('UNKNOWN', messageOf(thrown), { cause: thrown });
}

/** Without an ErrorDetail it is not from a coordinator, and may be otherwise in a moment. */
function reasonOf({ code }: ClientError): FailureReason {
  if (code === Status.UNAVAILABLE) return 'UNAVAILABLE';
  return PERMANENT.includes(code) ? 'NOT_A_COORDINATOR' : 'UNKNOWN';
}

/** What something thrown says, whatever was thrown. */
export function messageOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown);
  } catch {
    return 'something that cannot be shown was thrown';
  }
}

/**
 * Runs what looks at something that a caller handed in, whose getters may throw anything. Throws nothing
 * but a KelpieError.
 */
export function typed<T>(run: () => T): T {
  try {
    return run();
  } catch (cause) {
    if (cause instanceof KelpieError) throw cause;
    const message = `what was handed in cannot be read: ${messageOf(cause)}`;
    throw new KelpieError('VALUE_INVALID', message, { permanent: true, cause });
  }
}

/** The error of everything that is asked of a client that was closed. */
export function closedError(): KelpieError {
  return new KelpieError('CLOSED', 'the client is closed');
}
