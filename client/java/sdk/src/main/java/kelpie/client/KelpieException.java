package kelpie.client;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/**
 * The one error type of the client. Futures fail with it, and methods throw it for arguments that cannot work. The
 * message says what is wrong and what to do.
 */
public final class KelpieException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final Reason reason;
  private final transient Map<String, String> metadata;
  private final boolean permanent;
  private final transient Duration retryAfter;

  KelpieException(Reason reason, String message) {
    this(reason, message, Map.of(), false, null, null);
  }

  KelpieException(
      Reason reason,
      String message,
      Map<String, String> metadata,
      boolean permanent,
      Duration retryAfter,
      Throwable cause) {
    super(message, cause);
    this.reason = reason;
    this.metadata = Map.copyOf(metadata);
    this.permanent = permanent;
    this.retryAfter = retryAfter;
  }

  /** The message with the reason, as traces show it. */
  @Override
  public String toString() {
    return "KelpieException: " + getMessage() + " (" + reason + ")";
  }

  /** Why it failed. */
  public Reason reason() {
    return reason;
  }

  /** The facts of the message, by name. */
  public Map<String, String> metadata() {
    return metadata;
  }

  /** Whether a new attempt alone does not help: the request must change, or the network must. */
  public boolean permanent() {
    return permanent;
  }

  /** Set where the coordinator asks to wait at least this long before the next attempt. */
  public Optional<Duration> retryAfter() {
    return Optional.ofNullable(retryAfter);
  }
}
