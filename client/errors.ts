/** The one error type of the client, made from the errors of the wire and of the transport. */
import { ClientError, Status } from 'nice-grpc-common';
import { RichClientError } from 'nice-grpc-error-details';
import { ErrorDetail as WireError, ErrorReason } from '../gen/ts/kelpie/v1/error.js';
import { msOf } from './core/duration.js';

/** The reason of an error: one of the contract, or one of the client itself. */
export type FailureReason =
  | Exclude<keyof typeof ErrorReason, 'UNSPECIFIED'>
  /** The coordinator cannot be reached, or the stream broke. */
  | 'UNAVAILABLE'
  /** The answer did not come from a coordinator, but from another program or a balancer in between. */
  | 'NOT_A_COORDINATOR'
  /** The client cannot send or use a given value. The message names the value. */
  | 'VALUE_INVALID'
  /** The client was closed. */
  | 'CLOSED'
  /** Too many publishes wait for an acknowledgement. */
  | 'PUBLISH_QUEUE_FULL'
  /** A query for players of a roster without players. */
  | 'ROSTER_WITHOUT_PLAYERS'
  /** The client cannot read one of its files. */
  | 'FILE_INVALID'
  /** Another caller has the lock. */
  | 'LOCK_HELD'
  /** A handler did not settle in time. */
  | 'HANDLER_TIMEOUT'
  /** A call got no answer in time. */
  | 'CALL_TIMEOUT'
  /** The caller ended the call. */
  | 'CALL_CANCELLED'
  /** The client trusts no CA that has signed the certificate of the coordinator. */
  | 'CERTIFICATE_UNTRUSTED'
  /** The certificate of the coordinator has expired, or is not valid yet. */
  | 'CERTIFICATE_EXPIRED'
  /** The certificate of the coordinator is for another host. */
  | 'CERTIFICATE_WRONG_HOST'
  /** The coordinator demands a client certificate. */
  | 'CLIENT_CERTIFICATE_REQUIRED'
  /** The coordinator does not accept the client certificate. */
  | 'CLIENT_CERTIFICATE_REFUSED'
  /** The coordinator speaks TLS, and the client sent plain text. */
  | 'TLS_REQUIRED'
  /** The client speaks TLS, and the coordinator does not. */
  | 'TLS_UNSUPPORTED'
  /** A TLS handshake failed for another reason. */
  | 'TLS_FAILED'
  /** Too many requests, or too many bytes of requests, wait for answers. */
  | 'REQUEST_QUEUE_FULL'
  /** Too many bytes of a command's results wait to be read. */
  | 'RESULTS_UNREAD'
  /** The node's token or certificate belongs to another network than the one that the program expects. */
  | 'NETWORK_MISMATCH'
  /** The other side broke the protocol. */
  | 'PROTOCOL'
  /** Any other error. `cause` has more. */
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
  /** A new attempt alone does not help: the request must change, or the network must. */
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

/** The codes for a fault of the request itself. */
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

/** The name of a reason; UNKNOWN: a reason of a newer coordinator. */
export function reasonNameOf(reason: ErrorReason): FailureReason {
  return names.get(reason) ?? 'UNKNOWN';
}

/** The error of a frame. */
export function fromWire(error: WireError | undefined): KelpieError {
  if (!error) return new KelpieError('UNKNOWN', 'the coordinator gave no reason');
  const { metadata, code, retryAfter } = error;
  return new KelpieError(reasonNameOf(error.reason), error.message, {
    metadata,
    permanent: PERMANENT.includes(code),
    retryAfterMs: retryAfter && msOf(retryAfter, 0),
  });
}

/** The coordinator's own error object, which a transport without a wire passes on. */
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

/** The error for any value that a call or a stream throws. */
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
    return new KelpieError(reasonOf(thrown), causeIn(thrown.details), { cause: thrown });
  }
  return new KelpieError('UNKNOWN', messageOf(thrown), { cause: thrown });
}

/** The cause in the text of gRPC for a connection that does not open: the text ends with the state of a resolver. */
function causeIn(details: string): string {
  const wrapped =
    /^No connection established\. Last error: (?:Error: )?(.*)\. Resolution note: .*$/s;
  return wrapped.exec(details)?.[1] ?? details;
}

/** An error without an ErrorDetail does not come from a coordinator. */
function reasonOf({ code }: ClientError): FailureReason {
  if (code === Status.UNAVAILABLE) return 'UNAVAILABLE';
  return PERMANENT.includes(code) ? 'NOT_A_COORDINATOR' : 'UNKNOWN';
}

/** The message of any thrown value. */
export function messageOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown);
  } catch {
    return 'a value without a text was thrown';
  }
}

/**
 * Runs a function that reads a value of the caller. A getter of the value may throw anything; this function throws only
 * a KelpieError.
 */
export function typed<T>(run: () => T): T {
  try {
    return run();
  } catch (cause) {
    if (cause instanceof KelpieError) throw cause;
    const message = `a given value cannot be read: ${messageOf(cause)}`;
    throw new KelpieError('VALUE_INVALID', message, { permanent: true, cause });
  }
}

/** The error of every call on a closed client. */
export function closedError(): KelpieError {
  return new KelpieError('CLOSED', 'the client is closed');
}
