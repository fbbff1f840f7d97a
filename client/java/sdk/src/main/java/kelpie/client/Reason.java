package kelpie.client;

import kelpie.v1.ErrorReason;

/** The reason of an error: one of the contract, which {@link ErrorReason} describes, or one of the client itself. */
public enum Reason {
  INTERNAL,
  FRAME_UNKNOWN,
  HELLO_REQUIRED,
  HELLO_DUPLICATE,
  HELLO_TIMEOUT,
  NODE_NAME_INVALID,
  NODE_NAME_IN_USE,
  NODE_NOT_FOUND,
  ROLE_INVALID,
  INSTANCE_ID_INVALID,
  LABELS_INVALID,
  TEXT_TOO_LONG,
  TOPIC_INVALID,
  TOPIC_RESERVED,
  PATTERN_LIMIT,
  START_MISSING,
  START_INVALID,
  CURSOR_INVALID,
  EVENT_EMPTY,
  PAYLOAD_TOO_LARGE,
  BATCH_INVALID,
  PUBLISH_SEQUENCE_HOLE,
  ACK_INVALID,
  WINDOW_INVALID,
  SESSION_REPLACED,
  SESSION_SILENT,
  STALE_GENERATION,
  DRAINING,
  OUTCOME_UNKNOWN,
  PAGE_TOKEN_INVALID,
  OUT_OF_RANGE,
  SESSION_LIMIT,
  SESSION_ENDED,
  HELLO_TOO_LARGE,
  PLAYER_INVALID,
  PLAYER_NOT_FOUND,
  PLAYER_LIMIT,
  ROLE_HOLDS_NO_PLAYERS,
  COMMAND_INVALID,
  DEADLINE_INVALID,
  NO_TARGET,
  COMMAND_NOT_HANDLED,
  COMMAND_NOT_FOUND,
  COMMAND_LIMIT,
  NOT_DELIVERED,
  COMMAND_FAILED,
  CANCELLED,
  JOURNAL_READ_ONLY,
  CONTENT_TOO_DEEP,
  PUBLISH_LIMIT,
  MESSAGE_INVALID,
  MESSAGE_TOO_LARGE,
  REQUEST_TIMEOUT,
  CALL_LIMIT,
  PLAYER_AMBIGUOUS,
  ALREADY_THERE,
  SERVER_FULL,
  SERVER_DRAINING,
  SERVER_UNREACHABLE,
  REJECTED_BY_TARGET,
  REJECTED_BY_SOURCE,
  REJECTED_BY_PROXY,
  TRANSFER_IN_PROGRESS,
  PLAYER_QUIT,
  PROXY_LOST,
  TARGET_LOST,
  TIMED_OUT,
  TRANSFER_LIMIT,
  NO_PUBLIC_ADDRESS,
  ROUTING_INVALID,
  SEQUENCE_CONFLICT,
  VALUE_NOT_FOUND,
  KEY_INVALID,
  STATE_LIMIT,
  RESERVATION_NOT_FOUND,
  RESERVATION_LIMIT,
  CREDENTIAL_REQUIRED,
  CREDENTIAL_INVALID,
  CREDENTIAL_EXPIRED,
  CREDENTIAL_REVOKED,
  RIGHT_MISSING,
  AUTHENTICATION_LIMIT,
  RIGHTS_INVALID,
  CREDENTIAL_NOT_FOUND,
  CREDENTIAL_LIMIT,
  JOIN_TOKEN_USED,
  CONNECTION_LIMIT,
  RATE_LIMIT,
  SESSION_STALLED,
  NETWORK_LIMIT,
  NETWORK_UNAVAILABLE,
  EPOCH_ENDED,
  ENGINE_UNAVAILABLE,
  /** The coordinator cannot be reached, or the stream broke. */
  UNAVAILABLE,
  /** The answer did not come from a coordinator, but from another program or a balancer in between. */
  NOT_A_COORDINATOR,
  /** The client cannot send or use a given value. The message names the value. */
  VALUE_INVALID,
  /** The client was closed. */
  CLOSED,
  /** Too many publishes wait for an acknowledgement. */
  PUBLISH_QUEUE_FULL,
  /** A query for players of a roster without players. */
  ROSTER_WITHOUT_PLAYERS,
  /** The client cannot read one of its files. */
  FILE_INVALID,
  /** Another caller has the lock. */
  LOCK_HELD,
  /** A handler did not settle in time. */
  HANDLER_TIMEOUT,
  /** A call got no answer in time. */
  CALL_TIMEOUT,
  /** The caller ended the call. */
  CALL_CANCELLED,
  /** The client trusts no CA that has signed the certificate of the coordinator. */
  CERTIFICATE_UNTRUSTED,
  /** The certificate of the coordinator has expired, or is not valid yet. */
  CERTIFICATE_EXPIRED,
  /** The certificate of the coordinator is for another host. */
  CERTIFICATE_WRONG_HOST,
  /** The coordinator demands a client certificate. */
  CLIENT_CERTIFICATE_REQUIRED,
  /** The coordinator does not accept the client certificate. */
  CLIENT_CERTIFICATE_REFUSED,
  /** The coordinator speaks TLS, and the client sent plain text. */
  TLS_REQUIRED,
  /** The client speaks TLS, and the coordinator does not. */
  TLS_UNSUPPORTED,
  /** A TLS handshake failed for another reason. */
  TLS_FAILED,
  /** Too many requests, or too many bytes of requests, wait for answers. */
  REQUEST_QUEUE_FULL,
  /** Too many bytes of a command's results wait to be read. */
  RESULTS_UNREAD,
  /** The node's token or certificate belongs to another network than the one that the program expects. */
  NETWORK_MISMATCH,
  /** The other side broke the protocol. */
  PROTOCOL,
  /** Any other error. The cause has more. */
  UNKNOWN;

  /** The reason of the contract; UNKNOWN for a reason of a newer coordinator. */
  static Reason of(ErrorReason reason) {
    if (reason == ErrorReason.UNRECOGNIZED || reason == ErrorReason.ERROR_REASON_UNSPECIFIED) return UNKNOWN;
    return valueOf(reason.name().substring("ERROR_REASON_".length()));
  }
}
