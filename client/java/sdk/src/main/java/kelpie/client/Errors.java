package kelpie.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import kelpie.v1.ErrorDetail;

/** Makes the errors of the client from those of the wire and of the transport. */
final class Errors {
  /** The codes for a fault of the request itself. */
  private static final Set<Status.Code> PERMANENT =
      Set.of(
          Status.Code.INVALID_ARGUMENT,
          Status.Code.NOT_FOUND,
          Status.Code.UNIMPLEMENTED,
          Status.Code.PERMISSION_DENIED,
          Status.Code.UNAUTHENTICATED);

  private Errors() {}

  /** The error of a frame. */
  static KelpieException fromWire(ErrorDetail error) {
    boolean permanent = PERMANENT.contains(Status.fromCodeValue(error.getCode()).getCode());
    Duration retryAfter = error.hasRetryAfter() ? Durations.of(error.getRetryAfter()) : null;
    String message = error.getMessage().isEmpty() ? "the coordinator gave no reason" : error.getMessage();
    return new KelpieException(
        Reason.of(error.getReason()), message, error.getMetadataMap(), permanent, retryAfter, null);
  }

  /** The error for anything that a call, a stream or a program's function throws. */
  static KelpieException fromThrown(Throwable thrown) {
    Throwable error = thrown;
    while ((error instanceof CompletionException || error instanceof ExecutionException) && error.getCause() != null)
      error = error.getCause();
    if (error instanceof KelpieException own) return own;
    if (error instanceof StatusRuntimeException || error instanceof StatusException) return fromStatus(error);
    return new KelpieException(Reason.UNKNOWN, messageOf(error), Map.of(), false, null, error);
  }

  private static KelpieException fromStatus(Throwable thrown) {
    com.google.rpc.Status rich = StatusProto.fromThrowable(thrown);
    if (rich != null) {
      for (Any detail : rich.getDetailsList()) {
        if (!detail.is(ErrorDetail.class)) continue;
        try {
          return fromWire(detail.unpack(ErrorDetail.class));
        } catch (InvalidProtocolBufferException broken) {
          break;
        }
      }
    }
    Status status = Status.fromThrowable(thrown);
    return new KelpieException(reasonOf(status.getCode()), textOf(status), Map.of(), false, null, thrown);
  }

  /** An error without an ErrorDetail does not come from a coordinator. */
  private static Reason reasonOf(Status.Code code) {
    if (code == Status.Code.UNAVAILABLE) return Reason.UNAVAILABLE;
    return PERMANENT.contains(code) ? Reason.NOT_A_COORDINATOR : Reason.UNKNOWN;
  }

  /** gRPC puts "io exception" before the cause that people need. */
  private static String textOf(Status status) {
    String text = status.getDescription() == null ? status.getCode().name() : status.getDescription();
    Throwable cause = status.getCause();
    if (cause == null || cause.getMessage() == null || text.contains(cause.getMessage())) return text;
    return text + ": " + cause.getMessage();
  }

  /** The message of anything that was thrown. */
  static String messageOf(Throwable thrown) {
    return thrown.getMessage() == null ? thrown.getClass().getSimpleName() : thrown.getMessage();
  }

  /** The error of each call on a closed client. */
  static KelpieException closed() {
    return new KelpieException(Reason.CLOSED, "the client is closed");
  }

  static KelpieException unanswered() {
    return new KelpieException(Reason.UNAVAILABLE, "no coordinator is connected to answer; try again");
  }

  static KelpieException invalid(String message, String field) {
    return permanent(Reason.VALUE_INVALID, message, Map.of("field", field));
  }

  static KelpieException outOfRange(String field, Object value, String range) {
    String message = field + " is " + value + "; it must be " + range;
    return permanent(Reason.OUT_OF_RANGE, message, Map.of("field", field));
  }

  static KelpieException permanent(Reason reason, String message, Map<String, String> metadata) {
    return new KelpieException(reason, message, metadata, true, null, null);
  }
}
