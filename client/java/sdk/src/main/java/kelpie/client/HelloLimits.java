package kelpie.client;

import java.util.List;
import java.util.Map;
import kelpie.v1.Hello;
import kelpie.v1.Limits;

/** Checks that the next Hello fits its limits: a coordinator refuses a node whose Hello is above them. */
final class HelloLimits {
  /** The limits before the first Welcome. */
  private static final Limits DEFAULTS =
      Limits.newBuilder()
          .setPatterns(1000)
          .setLongPatterns(64)
          .setPatternBytes(64 * 1024)
          .setHelloBytes(64 * 1024)
          .build();

  /** A coordinator compares a pattern with wildcards and more tokens than this one by one. */
  private static final int SHORT_TOKENS = 4;

  /** Room for the start of reading, which each stream fills in. */
  private static final int START_BYTES = 64;

  private HelloLimits() {}

  /** Throws PATTERN_LIMIT, or HELLO_TOO_LARGE if patterns, commands and labels together are too large. */
  static void check(Hello hello, Limits given) {
    Limits limits = given == null ? DEFAULTS : given;
    checkPatterns(hello.getTopicsList(), limits);
    int bytes = hello.getSerializedSize() + START_BYTES;
    if (bytes <= limits.getHelloBytes()) return;
    String message =
        "the patterns, commands and labels of a node may take "
            + limits.getHelloBytes()
            + " bytes together; with this one they take "
            + bytes;
    throw refusal(Reason.HELLO_TOO_LARGE, message, limits.getHelloBytes());
  }

  private static void checkPatterns(List<String> topics, Limits limits) {
    if (topics.size() > limits.getPatterns()) {
      String message =
          "a node reads at most " + limits.getPatterns() + " patterns, with those of its roster; use wildcards";
      throw refusal(Reason.PATTERN_LIMIT, message, limits.getPatterns());
    }
    // 0: the coordinator has no such limit.
    long longOnes = topics.stream().filter(HelloLimits::isLong).count();
    if (limits.getLongPatterns() > 0 && longOnes > limits.getLongPatterns()) {
      String message =
          "a node reads at most "
              + limits.getLongPatterns()
              + " patterns with wildcards and more than "
              + SHORT_TOKENS
              + " tokens";
      throw refusal(Reason.PATTERN_LIMIT, message, limits.getLongPatterns());
    }
    int bytes = topics.stream().mapToInt(String::length).sum();
    if (limits.getPatternBytes() > 0 && bytes > limits.getPatternBytes()) {
      String message = "the patterns of a node may take " + limits.getPatternBytes() + " bytes together";
      throw refusal(Reason.PATTERN_LIMIT, message, limits.getPatternBytes());
    }
  }

  private static boolean isLong(String pattern) {
    boolean wild = pattern.indexOf('*') >= 0 || pattern.indexOf('>') >= 0;
    return wild && Topics.tokensOf(pattern) > SHORT_TOKENS;
  }

  private static KelpieException refusal(Reason reason, String message, int limit) {
    return Errors.permanent(reason, message, Map.of("limit", String.valueOf(limit)));
  }
}
