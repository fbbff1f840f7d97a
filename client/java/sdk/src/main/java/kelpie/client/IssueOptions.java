package kelpie.client;

import java.time.Duration;
import java.util.Map;

/**
 * How a command is issued.
 *
 * @param timeout how long it may take: above 0, at most 5 min
 * @param maxReplies the command ends after this many replies; errors do not count. 0: after all replies
 * @param attributes facts beside the command, for traces
 */
public record IssueOptions(Duration timeout, int maxReplies, Map<String, String> attributes) {
  private static final Duration LONGEST = Duration.ofMinutes(5);

  /** 10 s, all replies. */
  public static final IssueOptions DEFAULT = within(Duration.ofSeconds(10));

  /** Throws DEADLINE_INVALID or OUT_OF_RANGE. */
  public IssueOptions {
    if (timeout.isNegative() || timeout.isZero() || timeout.compareTo(LONGEST) > 0) {
      String message = "the timeout is " + timeout + "; it must be above 0 and at most " + LONGEST;
      Map<String, String> metadata = Map.of("limit", String.valueOf(LONGEST.toMillis()));
      throw Errors.permanent(Reason.DEADLINE_INVALID, message, metadata);
    }
    if (maxReplies < 0) throw Errors.outOfRange("maxReplies", maxReplies, "at least 0");
    attributes = Map.copyOf(attributes);
  }

  /** All replies within this time. */
  public static IssueOptions within(Duration timeout) {
    return new IssueOptions(timeout, 0, Map.of());
  }
}
