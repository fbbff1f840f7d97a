package kelpie.client;

import java.time.Duration;

/** Durations of Java and of the contract. */
final class Durations {
  private static final long MOST_SECONDS = 100L * 365 * 24 * 60 * 60;

  private Durations() {}

  /** Of what a coordinator sends: a negative time counts as 0, and a longer one as 100 years, so that sums fit. */
  static Duration of(com.google.protobuf.Duration wire) {
    if (wire.getSeconds() < 0 || wire.getNanos() < 0) return Duration.ZERO;
    return Duration.ofSeconds(Math.min(wire.getSeconds(), MOST_SECONDS), wire.getNanos());
  }

  static com.google.protobuf.Duration wire(Duration duration) {
    return com.google.protobuf.Duration.newBuilder()
        .setSeconds(duration.getSeconds())
        .setNanos(duration.getNano())
        .build();
  }

  /** The milliseconds of a field; the default for a coordinator that does not set it. */
  static long msOf(boolean isSet, com.google.protobuf.Duration wire, long defaultMs) {
    return isSet ? of(wire).toMillis() : defaultMs;
  }
}
